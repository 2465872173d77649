/** The journal in a SQLite file of its own, for one broker. */
@NullMarked
package io.exeat.journal.sqlite;

import org.jspecify.annotations.NullMarked;
