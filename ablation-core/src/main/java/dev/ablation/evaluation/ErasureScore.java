package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.Unit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One number for an ablation: the harmonic mean of what was removed and of what was kept, which is
 * low if any of them is. This is the overall measure of MACE (Lu et al. 2024, arXiv 2403.06135,
 * section 4), {@code H_o = 3 / (1 / efficacy + 1 / specificity + 1 / generality)}, with specificity
 * in as many terms as were measured: {@code n / sum(1 / part)}. Two scores are comparable only if
 * they have the same parts and were measured by the same protocol.
 *
 * @param parts from each part that was measured to its value, from 0 to 1
 */
@CheckReturnValue
public record ErasureScore(Map<Part, Double> parts) {
  static final String KEPT_SHARE = "kept of what was right before";
  static final String IN_PROMPT_SHARE = "rest of the prompt drawn";
  static final String IN_PROMPT_CLIP_SCORE = "in-prompt CLIP score";
  static final String PRECISION = "precision";

  /** A part of the score. */
  public enum Part {
    /**
     * Efficacy: 1 minus the share of the targets' images that still show the target, by the first
     * metric of the evaluation that is a share.
     */
    ERASURE,
    /**
     * Generality: the same for aliases and other wordings of the targets, of those that draw the
     * target with the base model.
     */
    GENERALITY,
    /**
     * Retention of the neighbours: of their images that were right before, the share that still is
     * (UnlearnCanvas' IRA); without that metric, the share after over the share before, at most 1.
     */
    NEIGHBOURS,
    /**
     * Retention of everything else: the same for unrelated subjects (UnlearnCanvas' CRA); for
     * unrelated prompts the CLIP score after over that before, at most 1.
     */
    UNRELATED,
    /**
     * In-prompt retention: of the rest of prompts that name a target, what is still drawn, as a
     * share after over the share before; without a detector, of CLIP scores.
     */
    IN_PROMPT,
    /** Quality: the precision of the images of neighbours and unrelated prompts. */
    QUALITY;

    /** {@return the name in JSON and in reports, such as {@code "in prompt"}} */
    public String words() {
      return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
  }

  /** Copies the parts and checks them. */
  public ErasureScore {
    Preconditions.checkArgument(!parts.isEmpty(), "parts must not be empty");
    parts.forEach((part, value) ->
        Preconditions.checkArgument(
            value >= 0 && value <= 1, "%s must be from 0 to 1, was %s", part.words(), value));
    parts = Collections.unmodifiableMap(new EnumMap<>(parts));
  }

  /** {@return the harmonic mean of the parts, from 0 to 1; 0 if one of them is} */
  public double value() {
    double sum = 0;
    for (double part : parts.values()) {
      if (part == 0) {
        return 0;
      }
      sum += 1 / part;
    }
    return parts.size() / sum;
  }

  /** {@return the parts that were not measured} */
  public List<Part> missing() {
    return Stream.of(Part.values()).filter(part -> !parts.containsKey(part)).toList();
  }

  /** Computes the score; empty if erasure or any retention was not measured. */
  static Optional<ErasureScore> of(EvaluationResult result) {
    Map<Part, Double> parts = new EnumMap<>(Part.class);
    put(parts, Part.ERASURE, mean(result.of(Role.TARGET).stream().map(ErasureScore::erased)));
    put(parts, Part.GENERALITY, generality(result));
    put(parts, Part.NEIGHBOURS, kept(result.of(Role.NEIGHBOUR)));
    put(parts, Part.UNRELATED, kept(result.of(Role.UNRELATED)));
    put(parts, Part.IN_PROMPT, inPrompt(result));
    put(
        parts,
        Part.QUALITY,
        mean(
            Stream.of(Role.NEIGHBOUR, Role.UNRELATED)
                .flatMap(role -> result.of(role).stream())
                .map(subject -> metric(subject, PRECISION).map(each -> each.ablated().value()))));
    return parts.containsKey(Part.ERASURE)
            && (parts.containsKey(Part.NEIGHBOURS) || parts.containsKey(Part.UNRELATED))
        ? Optional.of(new ErasureScore(parts))
        : Optional.empty();
  }

  private static void put(Map<Part, Double> parts, Part part, OptionalDouble value) {
    value.ifPresent(found -> parts.put(part, Math.max(0, Math.min(1, found))));
  }

  private static OptionalDouble mean(Stream<Optional<Double>> values) {
    return values.flatMap(Optional::stream).mapToDouble(value -> value).average();
  }

  /** The metric that says whether an image shows the subject: the first that is a share. */
  private static Optional<Comparison> share(SubjectResult subject) {
    return subject.metrics().stream()
        .filter(each -> each.base() != null && each.ablated().unit() != Unit.NUMBER)
        .filter(each -> !each.metric().equals(IN_PROMPT_SHARE))
        .findFirst();
  }

  private static double share(MetricResult metric) {
    return metric.unit() == Unit.PERCENT ? metric.value() / 100 : metric.value();
  }

  private static Optional<Double> erased(SubjectResult subject) {
    return share(subject).map(each -> 1 - share(each.ablated()));
  }

  private static OptionalDouble generality(EvaluationResult result) {
    List<Comparison> asked = new ArrayList<>();
    result.of(Role.ALIAS).forEach(subject -> share(subject).ifPresent(asked::add));
    result.attacks().stream()
        .filter(attack -> attack.family().equals("leakage"))
        .map(AttackResult::recovered)
        .map(each -> new Comparison(each.base(), each.ablated()))
        .forEach(asked::add);
    return asked.stream()
        .filter(each -> drawsBefore(each.base()))
        .mapToDouble(each -> 1 - share(each.ablated()))
        .average();
  }

  private static boolean drawsBefore(@Nullable MetricResult base) {
    return base != null && base.value() > 0;
  }

  private static Optional<Comparison> metric(SubjectResult subject, String name) {
    return subject.metrics().stream().filter(each -> each.metric().equals(name)).findFirst();
  }

  private static OptionalDouble kept(List<SubjectResult> subjects) {
    double kept = 0;
    long right = 0;
    for (SubjectResult subject : subjects) {
      Optional<MetricResult> share = metric(subject, KEPT_SHARE).map(Comparison::ablated);
      if (share.isPresent()) {
        int images = share.get().counts().getOrDefault("images", 0);
        kept += images * share.get().value();
        right += images;
      }
    }
    if (right > 0) {
      return OptionalDouble.of(kept / right);
    }
    return mean(
        subjects.stream()
            .map(subject ->
                share(subject)
                    .or(() ->
                        subject.metrics().stream()
                            .filter(each -> each.metric().equals("CLIP score"))
                            .findFirst())
                    .flatMap(ErasureScore::ratio)));
  }

  private static Optional<Double> ratio(Comparison comparison) {
    return drawsBefore(comparison.base())
        ? Optional.of(
            Math.min(
                1,
                comparison.ablated().value() / Objects.requireNonNull(comparison.base()).value()))
        : Optional.empty();
  }

  private static OptionalDouble inPrompt(EvaluationResult result) {
    List<SubjectResult> subjects =
        Stream.of(Role.TARGET, Role.ALIAS, Role.IN_PROMPT)
            .flatMap(role -> result.of(role).stream())
            .toList();
    OptionalDouble shares = ratios(subjects, IN_PROMPT_SHARE);
    return shares.isPresent() ? shares : ratios(subjects, IN_PROMPT_CLIP_SCORE);
  }

  private static OptionalDouble ratios(List<SubjectResult> subjects, String metric) {
    DoubleStream ratios =
        subjects.stream()
            .map(subject -> metric(subject, metric).flatMap(ErasureScore::ratio))
            .flatMap(Optional::stream)
            .mapToDouble(ratio -> ratio);
    return ratios.average();
  }

  /** {@return such as {@code "0.91: erasure 0.95, neighbours 0.88"}} */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(String.format(Locale.ROOT, "%.2f:", value()));
    parts.forEach((part, value) ->
        text.append(text.charAt(text.length() - 1) == ':' ? " " : ", ")
            .append(part.words())
            .append(String.format(Locale.ROOT, " %.2f", value)));
    return text.toString();
  }
}
