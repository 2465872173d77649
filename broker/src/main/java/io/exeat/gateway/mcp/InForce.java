package io.exeat.gateway.mcp;

import io.exeat.task.Catalogue;
import java.util.function.Supplier;

/**
 * What holds now, whenever it is asked for.
 *
 * @param policy the hash of the policies; empty when there are none
 */
public record InForce(Supplier<Catalogue> catalogue, Supplier<String> policy) {}
