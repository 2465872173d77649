package io.exeat.cli;

import java.io.PrintWriter;

/** What every command of the command line is given. */
public record Cli(Doors doors, PrintWriter out, PrintWriter err) {}
