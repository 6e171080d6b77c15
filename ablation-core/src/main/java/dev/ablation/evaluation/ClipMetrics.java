package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.metric.Bootstrap;
import dev.ablation.metric.ClipScore;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.TextImageEncoder;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.IntStream;

/** Metrics that compare images with texts. */
final class ClipMetrics {
  private ClipMetrics() {}

  private static CollectedFeatures measurement(
      TextImageEncoder encoder, Function<FeatureMatrix, MetricResult> measure) {
    return new CollectedFeatures(
        encoder, (base, ablated) -> new Comparison(measure.apply(base), measure.apply(ablated)));
  }

  /**
   * The CLIP score with the subject's name or, for unrelated prompts, with each image's own prompt.
   */
  record Score(TextImageEncoder encoder) implements SubjectMetric {
    Score {
      Objects.requireNonNull(encoder, "encoder");
    }

    @Override
    public String name() {
      return "CLIP score";
    }

    @Override
    public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
      ClipScore clip = new ClipScore(encoder, bootstrap);
      if (subject.role() != Role.UNRELATED) {
        String text = ClipScore.text(subject.concept(), anchor);
        return measurement(encoder, features -> clip.score(features, text));
      }
      List<String> prompts =
          IntStream.range(0, subject.images()).mapToObj(subject::prompt).toList();
      return measurement(encoder, features -> clip.score(features, prompts));
    }
  }

  /** The CLIP score of each image with what its prompt names beside the target. */
  record InPrompt(TextImageEncoder encoder) implements SubjectMetric {
    InPrompt {
      Objects.requireNonNull(encoder, "encoder");
    }

    @Override
    public String name() {
      return ErasureScore.IN_PROMPT_CLIP_SCORE;
    }

    @Override
    public boolean measures(Subject subject) {
      return !subject.rests().isEmpty();
    }

    @Override
    public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
      ClipScore clip = new ClipScore(encoder, bootstrap);
      List<String> rests = IntStream.range(0, subject.images()).mapToObj(subject::rest).toList();
      return measurement(
          encoder,
          features -> {
            MetricResult score = clip.score(features, rests);
            return MetricResult.of(name(), score.value(), score.extractor())
                .interval(score.interval())
                .counts(score.counts())
                .settings(score.settings())
                .seed(score.seed());
          });
    }
  }

  /** The CLIP accuracy of the subject's name against the anchor's. */
  record Accuracy(TextImageEncoder encoder) implements SubjectMetric {
    Accuracy {
      Objects.requireNonNull(encoder, "encoder");
    }

    @Override
    public String name() {
      return "CLIP accuracy";
    }

    @Override
    public boolean measures(Subject subject) {
      return subject.role() != Role.UNRELATED;
    }

    @Override
    public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
      ClipScore clip = new ClipScore(encoder, bootstrap);
      String text = ClipScore.text(subject.concept(), anchor);
      String anchorText = ClipScore.text(anchor, anchor);
      return measurement(encoder, features -> clip.accuracy(features, text, anchorText));
    }
  }

  /** The share of images whose best matching label is their subject. */
  record ZeroShot(TextImageEncoder encoder, List<String> labels) implements SubjectMetric {
    ZeroShot {
      Objects.requireNonNull(encoder, "encoder");
      labels = List.copyOf(labels);
      Preconditions.checkArgument(
          labels.size() >= 2, "labels must be at least 2 to choose from, were %s", labels);
      Preconditions.checkArgument(
          new TreeSet<>(labels.stream().map(ZeroShot::plain).toList()).size() == labels.size(),
          "labels must differ, were %s",
          labels);
    }

    private static String plain(String name) {
      return name.strip().toLowerCase(Locale.ROOT);
    }

    private int label(Subject subject) {
      return labels.stream().map(ZeroShot::plain).toList().indexOf(plain(subject.concept()));
    }

    @Override
    public String name() {
      return "zero-shot accuracy";
    }

    @Override
    public boolean measures(Subject subject) {
      return subject.role() != Role.UNRELATED && label(subject) >= 0;
    }

    @Override
    public List<String> problems(List<Subject> subjects) {
      return subjects.isEmpty()
          ? List.of("zero-shot accuracy: no subject is among the labels %s".formatted(labels))
          : List.of();
    }

    @Override
    public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
      ClipScore clip = new ClipScore(encoder, bootstrap);
      List<String> texts = labels.stream().map(name -> ClipScore.text(name, anchor)).toList();
      int[] right = new int[subject.images()];
      Arrays.fill(right, label(subject));
      return measurement(encoder, features -> clip.zeroShotAccuracy(features, texts, right));
    }
  }
}
