package io.exeat.gateway.jsonrpc;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.StreamWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.DecimalNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * One JSON value, read so that no other reader can read another one in it: UTF-8 (RFC 8259, 8.1),
 * no key twice, no lone surrogate, nothing behind it. It is written anew while it is read, with
 * every number as it stood; the bytes are never taken over.
 */
public final class StrictJson {
  /** How deep a message may be nested. */
  public static final int MOST_DEPTH = 64;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
          .disable(StreamWriteFeature.AUTO_CLOSE_CONTENT)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MOST_DEPTH)
                  .maxNumberLength(1_000)
                  .maxNameLength(4_096)
                  .build())
          .build();
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private StrictJson() {}

  /**
   * @param tree what to decide on
   * @param json the same as a text, to be passed on
   */
  public record Read(JsonNode tree, String json) {}

  /**
   * @throws BadMessage PARSE_ERROR
   */
  public static Read read(byte[] bytes) {
    String text = utf8(bytes);
    StringWriter out = new StringWriter(text.length() + 16);
    try (JsonParser parser = FACTORY.createParser(text);
        JsonGenerator writer = FACTORY.createGenerator(out)) {
      JsonToken first = parser.nextToken();
      if (first == null) {
        throw bad("there is nothing");
      }
      JsonNode tree = value(parser, first, writer);
      if (parser.nextToken() != null) {
        throw bad("there is something behind the message");
      }
      writer.flush();
      return new Read(tree, out.toString());
    } catch (JsonProcessingException e) {
      throw bad("not one JSON value without a key twice, nested at most " + MOST_DEPTH + " deep");
    } catch (IOException e) {
      throw new IllegalStateException("memory cannot be written to", e);
    }
  }

  private static String utf8(byte[] bytes) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw bad("not UTF-8");
    }
  }

  private static JsonNode value(JsonParser parser, JsonToken token, JsonGenerator writer)
      throws IOException {
    return switch (token) {
      case START_OBJECT -> object(parser, writer);
      case START_ARRAY -> array(parser, writer);
      case VALUE_STRING -> {
        String text = whole(parser.getText());
        writer.writeString(text);
        yield NODES.textNode(text);
      }
      case VALUE_NUMBER_INT -> {
        writer.writeNumber(parser.getText());
        yield switch (parser.getNumberType()) {
          case INT -> NODES.numberNode(parser.getIntValue());
          case LONG -> NODES.numberNode(parser.getLongValue());
          default -> NODES.numberNode(parser.getBigIntegerValue());
        };
      }
      case VALUE_NUMBER_FLOAT -> {
        writer.writeNumber(parser.getText());
        yield DecimalNode.valueOf(parser.getDecimalValue()); // as it stands, 1.0 is not 1
      }
      case VALUE_TRUE, VALUE_FALSE -> {
        writer.writeBoolean(token == JsonToken.VALUE_TRUE);
        yield NODES.booleanNode(token == JsonToken.VALUE_TRUE);
      }
      case VALUE_NULL -> {
        writer.writeNull();
        yield NODES.nullNode();
      }
      default -> throw bad("not a JSON value");
    };
  }

  private static ObjectNode object(JsonParser parser, JsonGenerator writer) throws IOException {
    ObjectNode object = NODES.objectNode();
    writer.writeStartObject();
    for (JsonToken next = parser.nextToken();
        next == JsonToken.FIELD_NAME;
        next = parser.nextToken()) {
      String name = whole(parser.currentName());
      writer.writeFieldName(name);
      object.set(name, value(parser, present(parser.nextToken()), writer));
    }
    writer.writeEndObject();
    return object;
  }

  private static ArrayNode array(JsonParser parser, JsonGenerator writer) throws IOException {
    ArrayNode array = NODES.arrayNode();
    writer.writeStartArray();
    for (JsonToken next = present(parser.nextToken());
        next != JsonToken.END_ARRAY;
        next = present(parser.nextToken())) {
      array.add(value(parser, next, writer));
    }
    writer.writeEndArray();
    return array;
  }

  private static JsonToken present(@Nullable JsonToken token) {
    if (token == null) {
      throw bad("it ends in the middle");
    }
    return token;
  }

  /** Half of a surrogate pair is read in as many ways as there are readers. */
  private static String whole(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isHighSurrogate(c)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
      } else if (Character.isSurrogate(c)) {
        throw bad("a text has half of a surrogate pair");
      }
    }
    return text;
  }

  private static BadMessage bad(String why) {
    return new BadMessage(ErrorCode.PARSE_ERROR, "Parse error: " + why);
  }
}
