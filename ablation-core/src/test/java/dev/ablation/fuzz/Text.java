package dev.ablation.fuzz;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** Damages lines of a text file, and JSON in them; sometimes its bytes. */
public final class Text implements Mutator {
  private static final String[] ENDS = {"\n", "\r\n", "\r", "", "\n\n", "\u2028"};
  private static final String[] MARKS = {
    "\t", "\"", ",", "'", " ", "\ufeff", "\u0000", "\u00a0", "#", "/", "..", "\\", "é", "\u202e"
  };

  private final Bytes bytes = new Bytes();
  private final Json json = new Json();

  @Override
  public byte[] mutate(byte[] content, SplittableRandom random) {
    if (random.nextInt(4) == 0) {
      return bytes.mutate(content, random);
    }
    String text = new String(content, StandardCharsets.UTF_8);
    List<String> lines = new ArrayList<>(Arrays.asList(text.split("\n", -1)));
    for (int left = 1 + random.nextInt(3); left > 0; left--) {
      int at = random.nextInt(lines.size());
      String line = lines.get(at);
      int column = random.nextInt(line.length() + 1);
      switch (random.nextInt(7)) {
        case 0 -> lines.add(random.nextInt(lines.size()), line);
        case 1 -> lines.set(at, Json.text(random));
        case 2 -> lines.set(at, line.substring(0, column));
        case 3 -> lines.set(at, line.substring(column) + line);
        case 4 -> {
          if (lines.size() > 1) {
            lines.remove(at);
          }
        }
        case 5 -> {
          if (line.startsWith("{")) {
            byte[] changed = json.mutate(line.getBytes(StandardCharsets.UTF_8), random);
            lines.set(at, new String(changed, StandardCharsets.UTF_8));
          }
        }
        default -> {
          String mark = MARKS[random.nextInt(MARKS.length)];
          lines.set(at, line.substring(0, column) + mark + line.substring(column));
        }
      }
    }
    String end = random.nextInt(4) == 0 ? ENDS[random.nextInt(ENDS.length)] : "\n";
    return String.join(end, lines).getBytes(StandardCharsets.UTF_8);
  }
}
