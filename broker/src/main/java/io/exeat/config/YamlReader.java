package io.exeat.config;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.common.ScalarStyle;
import org.snakeyaml.engine.v2.events.AliasEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.events.MappingStartEvent;
import org.snakeyaml.engine.v2.events.NodeEvent;
import org.snakeyaml.engine.v2.events.ScalarEvent;
import org.snakeyaml.engine.v2.events.SequenceStartEvent;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * The part of YAML 1.2 that configuration needs: maps, lists and scalars. Tags, anchors and
 * aliases, duplicate keys and a second document are refused, so is what is too large or too deep.
 */
final class YamlReader {
  static final int MOST_BYTES = 1 << 20;
  private static final int MOST_DEPTH = 16;
  private static final int MOST_NODES = 100_000;

  private final Iterator<Event> events;
  private int nodes;

  private YamlReader(Iterator<Event> events) {
    this.events = events;
  }

  /**
   * @throws Refused when it is not such a document
   */
  static Tree.Mapping read(byte[] yaml) {
    if (yaml.length > MOST_BYTES) {
      throw new Refused(1, "has " + yaml.length + " bytes; allowed are 1MiB");
    }
    String text = decode(yaml);
    LoadSettings settings =
        LoadSettings.builder().setUseMarks(true).setCodePointLimit(MOST_BYTES).build();
    try {
      return new YamlReader(new Parse(settings).parseString(text).iterator()).document();
    } catch (MarkedYamlEngineException e) {
      int line = e.getProblemMark().map(mark -> mark.getLine() + 1).orElse(1);
      String problem = Optional.ofNullable(e.getProblem()).orElse("cannot be parsed");
      throw new Refused(line, "not YAML: " + problem);
    } catch (YamlEngineException e) {
      // Only a character that YAML does not allow comes without a mark; it is not repeated here.
      throw new Refused(1, "not YAML: it has characters that are not allowed in it");
    }
  }

  private static String decode(byte[] yaml) {
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(yaml)).toString();
      return text.startsWith("\uFEFF") ? text.substring(1) : text;
    } catch (CharacterCodingException e) {
      throw new Refused(1, "is not UTF-8");
    }
  }

  private Tree.Mapping document() {
    Tree.@Nullable Mapping root = null;
    while (events.hasNext()) {
      Event event = events.next();
      switch (event.getEventId()) {
        case StreamStart, StreamEnd, DocumentStart, DocumentEnd, Comment -> {}
        default -> {
          if (root != null) {
            throw new Refused(line(event), "a second document begins here; one is allowed");
          }
          if (!(node(event, 0) instanceof Tree.Mapping mapping)) {
            throw new Refused(line(event), "must be keys with values, such as version: 1");
          }
          root = mapping;
        }
      }
    }
    return root == null ? new Tree.Mapping(1, new LinkedHashMap<>()) : root;
  }

  private Tree node(Event event, int depth) {
    int line = line(event);
    if (depth > MOST_DEPTH) {
      throw new Refused(line, "is nested deeper than " + MOST_DEPTH);
    }
    nodes++;
    if (nodes > MOST_NODES) {
      throw new Refused(line, "has more than " + MOST_NODES + " values");
    }
    if (event instanceof AliasEvent
        || (event instanceof NodeEvent node && node.getAnchor().isPresent())) {
      throw new Refused(line, "anchors and aliases (& and *) are not allowed; quote a text");
    }
    return switch (event) {
      case ScalarEvent scalar -> {
        noTag(line, scalar.getTag());
        yield new Tree.Scalar(
            line, scalar.getValue(), scalar.getScalarStyle() != ScalarStyle.PLAIN);
      }
      case SequenceStartEvent sequence -> {
        noTag(line, sequence.getTag());
        yield sequence(line, depth);
      }
      case MappingStartEvent mapping -> {
        noTag(line, mapping.getTag());
        yield mapping(line, depth);
      }
      default -> throw new Refused(line, "not YAML: unexpected " + event.getEventId());
    };
  }

  private Tree.Sequence sequence(int line, int depth) {
    List<Tree> items = new ArrayList<>();
    for (Event next = next(); next.getEventId() != Event.ID.SequenceEnd; next = next()) {
      items.add(node(next, depth + 1));
    }
    return new Tree.Sequence(line, List.copyOf(items));
  }

  private Tree.Mapping mapping(int line, int depth) {
    LinkedHashMap<String, Tree.Entry> entries = new LinkedHashMap<>();
    for (Event next = next(); next.getEventId() != Event.ID.MappingEnd; next = next()) {
      int at = line(next);
      if (!(node(next, depth + 1) instanceof Tree.Scalar key)) {
        throw new Refused(at, "a key must be a plain text");
      }
      Tree value = node(next(), depth + 1);
      Tree.Entry before = entries.putIfAbsent(key.text(), new Tree.Entry(at, value));
      if (before != null) {
        throw new Refused(
            at, Shown.text(key.text()) + " stands here and in line " + before.line() + " already");
      }
    }
    return new Tree.Mapping(line, entries);
  }

  private Event next() {
    Event event = events.next();
    return event.getEventId() == Event.ID.Comment ? next() : event;
  }

  private static void noTag(int line, Optional<String> tag) {
    if (tag.isPresent()) {
      throw new Refused(line, "tags (!) are not allowed; quote a text that begins with one");
    }
  }

  private static int line(Event event) {
    return event.getStartMark().map(mark -> mark.getLine() + 1).orElse(1);
  }

  /** The document is refused as a whole. */
  static final class Refused extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int line;
    private final String problem;

    Refused(int line, String problem) {
      super("line " + line + ": " + problem);
      this.line = line;
      this.problem = problem;
    }

    int line() {
      return line;
    }

    String problem() {
      return problem;
    }
  }
}
