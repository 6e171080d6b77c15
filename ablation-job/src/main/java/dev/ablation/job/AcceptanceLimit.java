package dev.ablation.job;

import dev.ablation.job.internal.TextForm;
import java.math.BigDecimal;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What an evaluation must show. Measures:
 *
 * <ul>
 *   <li>{@code UA}, unlearning accuracy: of the target's images, how many no longer show it, in
 *       percent
 *   <li>{@code IRA}, in-domain retain accuracy: of the neighbours' images that show their subject
 *       before, how many are expected to after, in percent
 *   <li>{@code CRA}, cross-domain retain accuracy: the same of unrelated subjects
 *   <li>{@code recovered}: of the images of the most successful attack, how many show the target,
 *       in percent, by the first judge whose gradient it did not follow
 *   <li>{@code excess}: how much oftener than from the control the most successful attack draws the
 *       target, in points of a percent, from -100 to 100; only with a control
 *   <li>{@code score}: the evaluation's {@link dev.ablation.evaluation.ErasureScore}, in percent
 *   <li>{@code METRIC of ROLE}: the mean of a metric of the evaluation over the subjects of a role
 *       (target, alias, anchor, neighbour, in-prompt, unrelated), such as {@code "CLIP score of
 *       target"}; shares in percent
 * </ul>
 *
 * <p>UA, IRA and CRA are those of UnlearnCanvas (Zhang et al. 2024, arXiv 2402.11846, section 4).
 *
 * @param measure what is compared
 * @param relation one of {@code >=}, {@code <=}, {@code >}, {@code <}
 * @param value the limit
 */
@TextForm(pattern = "^\\S.* ?(>=|<=|>|<) ?-?\\d+(\\.\\d+)?$")
public record AcceptanceLimit(String measure, String relation, double value) {
  private static final Pattern TEXT =
      Pattern.compile("(\\S.*?) ?(>=|<=|>|<) ?(-?\\d{1,12}(?:\\.\\d{1,12})?)");
  private static final Pattern MEASURE =
      Pattern.compile(
          "UA|IRA|CRA|recovered|excess|score|\\S.* of (target|alias|anchor|neighbour|in-prompt|unrelated)");

  /** Unlearning accuracy, in percent. */
  public static final String UNLEARNING = "UA";

  /** In-domain retain accuracy, in percent. */
  public static final String IN_DOMAIN = "IRA";

  /** Cross-domain retain accuracy, in percent. */
  public static final String CROSS_DOMAIN = "CRA";

  /** Recovered share of the most successful attack, in percent. */
  public static final String RECOVERED = "recovered";

  /** Excess of the most successful attack over the control, in points of a percent. */
  public static final String EXCESS = "excess";

  /** The score of the whole evaluation, in percent. */
  public static final String SCORE = "score";

  /** Checks the measure and the relation. */
  public AcceptanceLimit {
    Objects.requireNonNull(measure, "measure");
    if (!MEASURE.matcher(measure).matches()) {
      throw new IllegalArgumentException(
          ("measure must be UA, IRA, CRA, recovered, excess, score or 'METRIC of target' (alias,"
                  + " anchor, neighbour, in-prompt, unrelated), was '%s'")
              .formatted(measure));
    }
    if (!relation.matches(">=|<=|>|<")) {
      throw new IllegalArgumentException(
          "relation must be >=, <=, > or <, was '%s'".formatted(relation));
    }
    int least = measure.equals(EXCESS) ? -100 : 0;
    if (isPercent(measure) && (value < least || value > 100)) {
      throw new IllegalArgumentException(
          "%s is in percent, from %d to 100, was %s".formatted(measure, least, text(value)));
    }
  }

  /**
   * Parses a limit.
   *
   * @param text such as {@code "UA >= 95"}
   * @return the limit
   * @throws IllegalArgumentException if the text is no limit
   */
  public static AcceptanceLimit parse(String text) {
    Matcher found = TEXT.matcher(text.strip());
    if (!found.matches()) {
      throw new IllegalArgumentException(
          "must be a measure, a relation and a number, such as 'UA >= 95', was '%s'"
              .formatted(text));
    }
    return new AcceptanceLimit(found.group(1), found.group(2), Double.parseDouble(found.group(3)));
  }

  private static boolean isPercent(String measure) {
    return !measure.contains(" of ");
  }

  /**
   * Compares a value with the limit.
   *
   * @param measured any number
   * @return whether the limit is met; not a number meets none
   */
  public boolean isMetBy(double measured) {
    return switch (relation) {
      case ">=" -> measured >= value;
      case "<=" -> measured <= value;
      case ">" -> measured > value;
      default -> measured < value;
    };
  }

  /** Whether no value can meet this limit and another. */
  boolean contradicts(AcceptanceLimit other) {
    boolean above = relation.startsWith(">");
    if (!measure.equals(other.measure) || above == other.relation.startsWith(">")) {
      return false;
    }
    double least = above ? value : other.value;
    double most = above ? other.value : value;
    boolean closed = relation.endsWith("=") && other.relation.endsWith("=");
    return closed ? least > most : least >= most;
  }

  @Override
  public String toString() {
    return measure + " " + relation + " " + text(value);
  }

  private static String text(double value) {
    return BigDecimal.valueOf(value).stripTrailingZeros().toPlainString();
  }
}
