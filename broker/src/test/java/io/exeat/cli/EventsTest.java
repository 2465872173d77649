package io.exeat.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class EventsTest {
  private static List<Events.Event> events(String stream) throws IOException {
    Events events = new Events(new ByteArrayInputStream(stream.getBytes(StandardCharsets.UTF_8)));
    List<Events.Event> all = new ArrayList<>();
    for (var next = events.next(); next.isPresent(); next = events.next()) {
      all.add(next.get());
    }
    return all;
  }

  @Test
  void linesOfDataAreOneText() throws IOException {
    assertThat(events("event: message\nid: 7\ndata: {\"a\":\ndata:1}\n\n"))
        .containsExactly(new Events.Event("{\"a\":\n1}", Optional.of("7"), Optional.empty()));
  }

  @Test
  void aPlaceWithoutDataIsAnEventAndACommentIsNone() throws IOException {
    assertThat(events(": alive\n\nid: 1\nretry: 100\ndata:\n\n"))
        .containsExactly(new Events.Event("", Optional.of("1"), Optional.of(100L)));
  }

  @Test
  void whatTheStreamBreaksOffInCountsForNothing() throws IOException {
    assertThat(events("data: 1\n\ndata: 2\n"))
        .containsExactly(new Events.Event("1", Optional.empty(), Optional.empty()));
  }
}
