package dev.ablation.emoji.measure;

import dev.ablation.emoji.EmbeddedEvaluator.Verdict;
import dev.ablation.emoji.dataset.Captions;
import dev.ablation.emoji.dataset.DataSetIndex;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A caption and what its image should show.
 *
 * @param caption that is drawn
 * @param concept name of the object; null if the caption names none
 * @param style name of the style; null if the caption names none
 */
record EvaluationPrompt(String caption, @Nullable String concept, @Nullable String style) {

  /** Asks for "a cat face in ink style". */
  static EvaluationPrompt pair(String concept, String style) {
    return new EvaluationPrompt(
        Captions.withArticle(concept) + " in " + style + " style", concept, style);
  }

  /** Asks for "a cat face emoji". */
  static EvaluationPrompt withoutStyle(String concept) {
    return new EvaluationPrompt(Captions.withArticle(concept) + " emoji", concept, null);
  }

  boolean styleIs(Verdict verdict) {
    return style != null && verdict.hasStyle(style);
  }

  boolean conceptIs(Verdict verdict) {
    return concept != null && verdict.shows(concept);
  }

  boolean isAmong(Set<DataSetIndex.Pair> pairs) {
    return concept != null
        && style != null
        && pairs.contains(new DataSetIndex.Pair(concept, style));
  }

  /**
   * Counts.
   *
   * @param leftOut pairs that do not count
   * @param right what is right
   * @return the share; empty if nothing counts
   */
  static Optional<MeasuredValue> share(
      Quantity quantity,
      List<EvaluationPrompt> asked,
      List<Verdict> verdicts,
      Set<DataSetIndex.Pair> leftOut,
      BiPredicate<EvaluationPrompt, Verdict> right) {
    int[] counted =
        IntStream.range(0, asked.size()).filter(i -> !asked.get(i).isAmong(leftOut)).toArray();
    long hits =
        IntStream.of(counted).filter(i -> right.test(asked.get(i), verdicts.get(i))).count();
    return counted.length == 0
        ? Optional.empty()
        : Optional.of(MeasuredValue.share(quantity, hits, counted.length));
  }

  /** Lists the prompts and what was drawn, one per line. */
  static String csv(List<EvaluationPrompt> asked, List<Verdict> verdicts, long seed) {
    StringBuilder csv =
        new StringBuilder(
            "caption,seed,concept,style,shows,concept_margin,has_style,style_margin,planted_cosine\n");
    for (int i = 0; i < asked.size(); i++) {
      EvaluationPrompt one = asked.get(i);
      Verdict verdict = verdicts.get(i);
      csv.append(
          String.format(
              Locale.ROOT,
              "%s,%d,%s,%s,%s,%.4f,%s,%.4f,%.4f%n",
              one.caption,
              seed + i,
              one.concept == null ? "" : one.concept,
              one.style == null ? "" : one.style,
              verdict.concept().name(),
              verdict.concept().margin(),
              verdict.style().name(),
              verdict.style().margin(),
              verdict.plantedCosine()));
    }
    return csv.toString();
  }
}
