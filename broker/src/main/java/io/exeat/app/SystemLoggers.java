package io.exeat.app;

import java.text.MessageFormat;
import java.util.ResourceBundle;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends what is logged through the JDK's own interface to where all logs go; found by the JDK as a
 * service.
 */
public final class SystemLoggers extends System.LoggerFinder {
  @Override
  public System.Logger getLogger(String name, Module module) {
    return new Passing(name);
  }

  private static final class Passing implements System.Logger {
    private final String name;
    private @Nullable Logger logger;

    Passing(String name) {
      this.name = name;
    }

    /** Late: the JDK may ask for loggers while logging itself is being set up. */
    private Logger logger() {
      Logger there = logger;
      if (there == null) {
        there = LoggerFactory.getLogger(name);
        logger = there;
      }
      return there;
    }

    @Override
    public String getName() {
      return name;
    }

    @Override
    public boolean isLoggable(Level level) {
      return level.getSeverity() >= Level.INFO.getSeverity() && level != Level.OFF;
    }

    @Override
    public void log(
        Level level,
        @Nullable ResourceBundle bundle,
        @Nullable String message,
        @Nullable Throwable thrown) {
      if (isLoggable(level)) {
        put(level, String.valueOf(message), thrown);
      }
    }

    @Override
    public void log(
        Level level,
        @Nullable ResourceBundle bundle,
        @Nullable String format,
        @Nullable Object @Nullable ... parameters) {
      if (isLoggable(level)) {
        String text = String.valueOf(format);
        put(
            level,
            parameters == null || parameters.length == 0
                ? text
                : MessageFormat.format(text, parameters),
            null);
      }
    }

    private void put(Level level, String text, @Nullable Throwable thrown) {
      switch (level) {
        case ERROR -> logger().error(text, thrown);
        case WARNING -> logger().warn(text, thrown);
        default -> logger().info(text, thrown);
      }
    }
  }
}
