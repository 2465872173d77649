package io.exeat.flow;

/**
 * Who acts as operator: a SPIFFE ID, or {@code uid <n>} on the admin socket. The door has checked
 * it.
 */
public record Operator(String who) {}
