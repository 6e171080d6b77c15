package dev.ablation.evaluation;

import dev.ablation.metric.Bootstrap;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.IntStream;

/** The share of images that show what their prompt names beside the target. */
record InPromptShare(Function<String, Optional<ConceptDetector>> detectors)
    implements SubjectMetric {
  InPromptShare {
    Objects.requireNonNull(detectors, "detectors");
  }

  @Override
  public String name() {
    return ErasureScore.IN_PROMPT_SHARE;
  }

  @Override
  public boolean measures(Subject subject) {
    return !subject.rests().isEmpty()
        && subject.rests().stream().allMatch(rest -> detectors.apply(rest).isPresent());
  }

  @Override
  public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
    List<ConceptDetector> own =
        subject.rests().stream().map(rest -> detectors.apply(rest).orElseThrow()).toList();
    return new ImageValues() {
      @Override
      public void add(ImageBatch batch) {
        List<ConceptDetector> different = own.stream().distinct().toList();
        List<double[]> before = new ArrayList<>();
        List<double[]> after = new ArrayList<>();
        for (ConceptDetector detector : different) {
          before.add(DetectedShare.checked(detector, batch.baseFeatures(detector.extractor())));
          after.add(DetectedShare.checked(detector, batch.ablatedFeatures(detector.extractor())));
        }
        IntStream.range(0, batch.size())
            .forEach(i -> {
              int wanted = different.indexOf(own.get((batch.first() + i) % own.size()));
              base().add(before.get(wanted)[i]);
              ablated().add(after.get(wanted)[i]);
            });
      }

      @Override
      public Comparison result() {
        return new Comparison(
            DetectedShare.share(name(), own.get(0), numbers(base()), bootstrap),
            DetectedShare.share(name(), own.get(0), numbers(ablated()), bootstrap));
      }
    };
  }
}
