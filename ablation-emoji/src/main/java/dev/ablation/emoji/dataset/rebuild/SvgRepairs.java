package dev.ablation.emoji.dataset.rebuild;

import com.github.weisj.jsvg.parser.DomElement;
import com.github.weisj.jsvg.parser.DomProcessor;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Rewrites what JSVG 2.1.0 draws otherwise than browsers do into what it draws as they do:
 *
 * <ul>
 *   <li>It drops some arcs whose radii are just too small to reach from end to end, such as half
 *       circles with rounded numbers; SVG scales them up (SVG 1.1, F.6.6). Here they are scaled up
 *       a little further.
 *   <li>It mixes up stops of a gradient at the same offset. Here they are moved apart.
 * </ul>
 */
final class SvgRepairs implements DomProcessor {
  private static final Pattern NUMBER =
      Pattern.compile("[-+]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][-+]?\\d+)?");
  private static final Set<String> GRADIENTS = Set.of("lineargradient", "radialgradient");
  private static final String NO_ARGUMENTS = "zZ";

  /** Squared; from this share of the distance between its ends on, an arc is widened. */
  private static final double ALMOST_TOO_SMALL = 1 - 1e-6;

  /** More would move the middle of a circle visibly. */
  private static final double WIDENING = 1 + 1e-6;

  private static final double GAP = 1e-4;

  @Override
  public void process(DomElement root) {
    String path = root.attribute("d");
    if (path != null) {
      root.setAttribute("d", widenArcs(path));
    }
    if (GRADIENTS.contains(root.tagName().toLowerCase(Locale.ROOT))) {
      separateStops(root);
    }
    for (DomElement child : root.children()) {
      process(child);
    }
  }

  private static void separateStops(DomElement gradient) {
    List<DomElement> stops = new ArrayList<>();
    for (DomElement child : gradient.children()) {
      if (child.tagName().equals("stop")) {
        stops.add(child);
      }
    }
    double[] offsets = new double[stops.size()];
    for (int i = 0; i < offsets.length; i++) {
      offsets[i] = offset(stops.get(i).attribute("offset"));
    }
    double[] apart = separate(offsets);
    for (int i = 0; i < offsets.length; i++) {
      stops.get(i).setAttribute("offset", Double.toString(apart[i]));
    }
  }

  private static double offset(@Nullable String text) {
    if (text == null) {
      return 0;
    }
    return text.endsWith("%")
        ? Double.parseDouble(text.substring(0, text.length() - 1)) / 100
        : Double.parseDouble(text);
  }

  /** Returns offsets that rise by a gap at least and end at 1 at most. */
  static double[] separate(double[] offsets) {
    double[] apart = offsets.clone();
    for (int i = 1; i < apart.length; i++) {
      apart[i] = Math.max(apart[i], apart[i - 1] + GAP);
    }
    double limit = 1;
    for (int i = apart.length - 1; i >= 0; i--) {
      apart[i] = Math.min(apart[i], limit);
      limit = apart[i] - GAP;
    }
    return apart;
  }

  /** Returns the path with all arcs long enough to reach from end to end. */
  static String widenArcs(String path) {
    return new Walk(path).widened();
  }

  /** Goes along a path, to know where each arc begins. */
  private static final class Walk {
    private final String path;
    private final Matcher numbers;
    private final StringBuilder result = new StringBuilder();
    private int at;
    private double x;
    private double y;
    private double startX;
    private double startY;

    Walk(String path) {
      this.path = path;
      numbers = NUMBER.matcher(path);
    }

    String widened() {
      char command = 'M';
      skipSeparators();
      while (at < path.length()) {
        if (Character.isLetter(path.charAt(at))) {
          command = path.charAt(at++);
          result.append(command);
        }
        if (NO_ARGUMENTS.indexOf(command) >= 0) {
          x = startX;
          y = startY;
        } else {
          step(command);
          if (command == 'm' || command == 'M') {
            startX = x;
            startY = y;
            // Further pairs are lines.
            command = command == 'm' ? 'l' : 'L';
          }
        }
        skipSeparators();
      }
      return result.toString();
    }

    private void step(char command) {
      double[] values = new double[count(command)];
      boolean arc = command == 'a' || command == 'A';
      for (int i = 0; i < values.length; i++) {
        skipSeparators();
        values[i] = arc && (i == 3 || i == 4) ? flag() : number();
      }
      double fromX = x;
      double fromY = y;
      boolean relative = Character.isLowerCase(command);
      switch (command) {
        case 'h', 'H' -> x = values[0] + (relative ? x : 0);
        case 'v', 'V' -> y = values[0] + (relative ? y : 0);
        default -> {
          x = values[values.length - 2] + (relative ? x : 0);
          y = values[values.length - 1] + (relative ? y : 0);
        }
      }
      if (arc) {
        widen(values, (fromX - x) / 2, (fromY - y) / 2);
      }
      for (int i = 0; i < values.length; i++) {
        result.append(i == 0 ? "" : " ").append(text(values[i]));
      }
      result.append(' ');
    }

    /** SVG 1.1, F.6.6: the ends, seen from the middle between them, in units of the radii. */
    private static void widen(double[] arc, double halfX, double halfY) {
      double angle = Math.toRadians(arc[2]);
      double u = (Math.cos(angle) * halfX + Math.sin(angle) * halfY) / arc[0];
      double v = (Math.cos(angle) * halfY - Math.sin(angle) * halfX) / arc[1];
      double needed = u * u + v * v;
      if (needed > ALMOST_TOO_SMALL && Double.isFinite(needed)) {
        double factor = Math.max(1, Math.sqrt(needed)) * WIDENING;
        arc[0] *= factor;
        arc[1] *= factor;
      }
    }

    private static int count(char command) {
      return switch (Character.toLowerCase(command)) {
        case 'h', 'v' -> 1;
        case 'm', 'l', 't' -> 2;
        case 's', 'q' -> 4;
        case 'c' -> 6;
        case 'a' -> 7;
        default -> throw new IllegalArgumentException("no command of a path: " + command);
      };
    }

    private double number() {
      if (!numbers.find(at) || numbers.start() != at) {
        throw new IllegalArgumentException(
            "path must have a number at position %d: %s".formatted(at, path));
      }
      at = numbers.end();
      return Double.parseDouble(numbers.group());
    }

    private double flag() {
      char flag = at < path.length() ? path.charAt(at++) : ' ';
      if (flag != '0' && flag != '1') {
        throw new IllegalArgumentException(
            "path must have a flag at position %d: %s".formatted(at - 1, path));
      }
      return flag - '0';
    }

    private void skipSeparators() {
      while (at < path.length()
          && (path.charAt(at) == ',' || Character.isWhitespace(path.charAt(at)))) {
        at++;
      }
    }

    private static String text(double value) {
      return value == Math.rint(value) && Math.abs(value) < 1e9
          ? Long.toString((long) value)
          : Double.toString(value);
    }
  }
}
