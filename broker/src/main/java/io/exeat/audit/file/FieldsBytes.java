package io.exeat.audit.file;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;

/** Takes a JSON object, of which a line has the fields alone. */
final class FieldsBytes extends ByteArrayOutputStream {
  /** A decision's; what is longer makes it grow. */
  private static final int USUAL = 4_096;

  FieldsBytes() {
    super(USUAL);
  }

  /** {@code ,"a":1,"b":2} of {@code {"a":1,"b":2}}. */
  byte[] ofObject() {
    buf[0] = ',';
    return Arrays.copyOf(buf, count - 1);
  }
}
