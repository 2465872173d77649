package io.exeat.gateway.grpc;

import io.netty.channel.EventLoopGroup;
import java.util.concurrent.Executor;

/**
 * What all doors of a broker share.
 *
 * @param loops of Netty's epoll transport, for connections and for what is answered from memory
 * @param calls runs everything else: one virtual thread for each call
 */
public record DoorParts(EventLoopGroup loops, Executor calls, Serving serving, Limits limits) {}
