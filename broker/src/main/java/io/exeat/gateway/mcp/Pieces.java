package io.exeat.gateway.mcp;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Finds what was lent in texts that follow one another, also when it is spread over several: over
 * the events of a stream, or the items of a list. Nothing is held back to wait for the rest: what
 * may be the beginning goes at once, from its {@link #LEAST}th character on, and so do the pieces
 * that continue it. Of what is nothing but hexadecimal digits it takes twice as many.
 *
 * <p>A piece continues what the text before it at the same place ended with, whatever its length;
 * or, if it is {@link #LEAST} characters or all that was missing, what any text before ended with.
 */
final class Pieces {
  /** So many characters of something random are nowhere by chance; fewer give nobody the rest. */
  static final int LEAST = 4;

  private static final int MOST_PLACES = 256;
  private static final Pattern HEX = Pattern.compile("[0-9a-fA-F]+");

  private final List<Form> forms;

  /** How much of each form the last text at a place ended with; places that ended with some. */
  private final Map<Long, int[]> open = new LinkedHashMap<>();

  /** Of each form, all that texts have ended with, from {@link #LEAST} characters on. */
  private final List<BitSet> seen = new ArrayList<>();

  private static final class Form {
    private final String text;

    /** Digits end with some hexadecimal ones by chance: their beginning must be longer. */
    private final int least;

    /**
     * Of each length, the next shorter beginning that a text ends with too (Knuth, Morris, Pratt).
     */
    private final int[] back;

    Form(String text) {
      this.text = text;
      this.least = HEX.matcher(text).matches() ? 2 * LEAST : LEAST;
      this.back = new int[text.length() + 1];
      for (int i = 1, length = 0; i < text.length(); i++) {
        length = next(length, text.charAt(i));
        back[i + 1] = length;
      }
    }

    /** How much a text ends with that ended with {@code length} of it before {@code c}. */
    int next(int length, char c) {
      int now = length;
      while (now > 0 && text.charAt(now) != c) {
        now = back[now];
      }
      return text.charAt(now) == c ? now + 1 : now;
    }
  }

  Pieces(List<String> forms) {
    this.forms = forms.stream().map(Form::new).toList();
    forms.forEach(_ -> seen.add(new BitSet()));
  }

  /** Whether something has begun that another text may go on with. */
  boolean isOpen() {
    return !open.isEmpty() || seen.stream().anyMatch(it -> !it.isEmpty());
  }

  /** The text without its pieces; {@code gone} stands for each. */
  String clean(long place, String text, String gone) {
    int[] before = open.remove(place);
    int[] after = new int[forms.size()];
    BitSet marked = new BitSet();
    boolean isOpen = false;
    for (int i = 0; i < forms.size(); i++) {
      continued(i, text, marked);
      after[i] = run(forms.get(i), before == null ? 0 : before[i], text, marked);
      isOpen |= after[i] > 0;
      if (after[i] >= forms.get(i).least) {
        marked.set(Math.max(0, text.length() - after[i]), text.length());
        seen.get(i).set(after[i]);
      }
    }
    if (isOpen) {
      open.put(place, after);
      if (open.size() > MOST_PLACES) {
        open.remove(open.keySet().iterator().next());
      }
    }
    return marked.isEmpty() ? text : without(marked, text, gone);
  }

  /** Marks what is whole; how much of the form the text ends with. */
  private static int run(Form form, int before, String text, BitSet marked) {
    int length = before;
    int most = form.text.length() - 1;
    for (int i = 0; i < text.length(); i++) {
      if (length == 0) {
        int first = text.indexOf(form.text.charAt(0), i);
        if (first < 0) {
          return 0;
        }
        i = first;
      }
      length = form.next(length, text.charAt(i));
      if (length > most) {
        marked.set(Math.max(0, i - most), i + 1);
        length = form.back[length];
      }
    }
    return length;
  }

  /** Marks what goes on with something that ended elsewhere. */
  private void continued(int i, String text, BitSet marked) {
    Form form = forms.get(i);
    BitSet ends = (BitSet) seen.get(i).clone();
    for (int at = ends.nextSetBit(0); at >= 0; at = ends.nextSetBit(at + 1)) {
      int missing = form.text.length() - at;
      int piece = Math.min(missing, text.length());
      if ((piece >= form.least || piece == missing)
          && form.text.startsWith(text.substring(0, piece), at)) {
        marked.set(0, piece);
        if (piece < missing) {
          seen.get(i).set(at + piece);
        }
      }
    }
  }

  private static String without(BitSet marked, String text, String gone) {
    StringBuilder clean = new StringBuilder(text.length());
    int at = 0;
    while (at < text.length()) {
      int from = marked.nextSetBit(at);
      if (from < 0) {
        break;
      }
      int to = Math.min(marked.nextClearBit(from), text.length());
      clean.append(text, at, from).append(gone);
      at = to;
    }
    return clean.append(text, at, text.length()).toString();
  }
}
