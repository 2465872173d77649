/** May it: a question in, a decision with reasons out; no answer is no. */
@NullMarked
package io.exeat.policy;

import org.jspecify.annotations.NullMarked;
