/** A broker whose surroundings fail, and brokers that are broken on purpose, both watched. */
@NullMarked
package io.exeat.it.fault;

import org.jspecify.annotations.NullMarked;
