package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluate.EvaluationProgress;
import dev.ablation.evaluate.FeatureExtractor;
import dev.ablation.evaluate.FeatureMatrix;
import dev.ablation.internal.CacheKey;
import dev.ablation.model.Capabilities;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/** One run of an {@link Evaluation}. */
final class EvaluationRun {
  private final Evaluation plan;
  private final DiffusionModel model;
  private final WeightDelta delta;
  private final List<Subject> subjects;
  private final Map<Subject, List<SubjectMetric>> metrics = new LinkedHashMap<>();
  private final int total;
  private int done;

  /** What was drawn of a subject by one of the models. */
  private record Drawn(
      Map<FeatureExtractor, FeatureMatrix> features, List<BufferedImage> shown) {}

  EvaluationRun(Evaluation plan, DiffusionModel model, WeightDelta delta) {
    this.plan = plan;
    this.model = Objects.requireNonNull(model, "model");
    this.delta = Objects.requireNonNull(delta, "delta");
    subjects = plan.subjects();
    total = 2 * subjects.stream().mapToInt(Subject::pictures).sum();
  }

  EvaluationResult run() throws IOException {
    long begun = System.nanoTime();
    check();
    List<Drawn> base;
    List<Drawn> ablated;
    try {
      base = draw();
      ablated = delta.applied(model, this::draw);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    List<SubjectResult> results = new ArrayList<>();
    for (int i = 0; i < subjects.size(); i++) {
      results.add(result(subjects.get(i), base.get(i), ablated.get(i)));
    }
    List<AttackResult> attacks = new ArrayList<>();
    List<RecoveryAttempt> attempts = plan.attempts();
    for (int i = 0; i < attempts.size(); i++) {
      checkCancelled();
      plan.listener()
          .accept(new EvaluationProgress(attempts.get(i).name(), i, attempts.size()));
      attacks.add(attempts.get(i).run(model, delta, plan.cancelled()));
    }
    return new EvaluationResult(
        settings(), results, attacks, Duration.ofNanos(System.nanoTime() - begun));
  }

  private void check() {
    Capabilities.require(model, LatentCodec.class, "an evaluation");
    Preconditions.checkState(!model.isClosed(), "model '%s' is closed", model.descriptor().name());
    List<String> problems = new ArrayList<>(plan.check());
    if (problems.isEmpty()) {
      for (Subject subject : subjects) {
        metrics.put(
            subject, plan.metrics().stream().filter(metric -> metric.suits(subject)).toList());
      }
      extractors(null).forEach(extractor -> probe(extractor, problems));
    }
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("; ", problems));
    }
    plan.attempts().forEach(attempt -> attempt.check(model));
  }

  /** Looks at one picture, so that a wrong extractor is found before hours of drawing. */
  private static void probe(FeatureExtractor extractor, List<String> problems) {
    BufferedImage grey = new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB);
    FeatureMatrix features;
    try {
      features = extractor.extract(List.of(grey, grey));
    } catch (RuntimeException e) {
      problems.add("extractor %s failed on a picture: %s".formatted(extractor.info().name(), e));
      return;
    }
    if (features.rows() != 2 || features.dimension() != extractor.info().dimension()) {
      problems.add(
          "features of %s must be 2 x %d for 2 pictures, were %d x %d"
              .formatted(
                  extractor.info().name(),
                  extractor.info().dimension(),
                  features.rows(),
                  features.dimension()));
    }
  }

  /** The extractors that a subject is looked at with, or all of them. */
  private Set<FeatureExtractor> extractors(@Nullable Subject subject) {
    Set<FeatureExtractor> extractors =
        java.util.Collections.newSetFromMap(new IdentityHashMap<>());
    metrics.forEach((of, taken) -> {
      if (subject == null || subject.equals(of)) {
        taken.forEach(metric -> extractors.add(metric.extractor()));
      }
    });
    return extractors;
  }

  /** Draws all subjects with the weights of the moment. */
  private List<Drawn> draw() {
    List<Drawn> all = new ArrayList<>();
    for (Subject subject : subjects) {
      try {
        all.add(draw(subject));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return all;
  }

  private Drawn draw(Subject subject) throws IOException {
    Path folder = plan.folder();
    KeptPictures kept = folder == null ? null : KeptPictures.of(folder, key(subject), subject);
    Map<FeatureExtractor, List<FeatureMatrix>> parts = new IdentityHashMap<>();
    Set<FeatureExtractor> extractors = extractors(subject);
    List<BufferedImage> shown = new ArrayList<>();
    int batch = plan.protocol().sampling().batchSize();
    for (int from = 0; from < subject.pictures(); from += batch) {
      checkCancelled();
      List<BufferedImage> pictures =
          pictures(subject, from, Math.min(subject.pictures(), from + batch), kept);
      for (FeatureExtractor extractor : extractors) {
        parts
            .computeIfAbsent(extractor, key -> new ArrayList<>())
            .add(extractor.extract(pictures));
      }
      for (int i = 0; i < pictures.size() && shown.size() < plan.shown(); i++) {
        shown.add(pictures.get(i));
      }
      done += pictures.size();
      plan.listener().accept(new EvaluationProgress(subject.name(), done, total));
    }
    Map<FeatureExtractor, FeatureMatrix> features = new IdentityHashMap<>();
    parts.forEach((extractor, list) -> features.put(extractor, FeatureMatrix.concat(list)));
    return new Drawn(features, shown);
  }

  /** Draws a batch, or reads it where all of it was drawn before. */
  private List<BufferedImage> pictures(
      Subject subject, int from, int to, @Nullable KeptPictures kept) throws IOException {
    if (kept != null) {
      List<BufferedImage> before = kept.read(from, to);
      if (before != null) {
        return before;
      }
    }
    List<String> prompts = new ArrayList<>();
    for (int i = from; i < to; i++) {
      prompts.add(subject.prompt(i));
    }
    List<BufferedImage> pictures =
        LatentSampler.of(model)
            .withSettings(plan.protocol().sampling())
            .withCancellation(plan.cancelled())
            .draw(prompts, plan.protocol().seed() + from);
    if (kept != null) {
      kept.write(from, pictures);
    }
    return pictures;
  }

  private String key(Subject subject) {
    SamplingSettings sampling = plan.protocol().sampling();
    CacheKey key =
        new CacheKey("evaluation-pictures/1")
            .put(model)
            .put(sampling.sampler().name() + sampling.sampler().settings())
            .put(sampling.steps() + " " + sampling.guidanceScale() + " " + sampling.batchSize())
            .put(sampling.negativePrompt())
            .put(plan.protocol().seed());
    subject.prompts().forEach(key::put);
    return key.sha256();
  }

  private SubjectResult result(Subject subject, Drawn base, Drawn ablated) {
    List<Comparison> values = new ArrayList<>();
    for (SubjectMetric metric : Objects.requireNonNull(metrics.get(subject))) {
      values.add(
          metric.measure(
              subject,
              Objects.requireNonNull(base.features().get(metric.extractor())),
              Objects.requireNonNull(ablated.features().get(metric.extractor()))));
    }
    List<PicturePair> pairs =
        plan.shownOf(subject)
            .mapToObj(i ->
                new PicturePair(
                    subject.prompt(i),
                    plan.protocol().seed() + i,
                    base.shown().get(i),
                    ablated.shown().get(i)))
            .toList();
    return new SubjectResult(subject, values, pairs);
  }

  private Map<String, String> settings() {
    Protocol protocol = plan.protocol();
    SamplingSettings sampling = protocol.sampling();
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("base", model.descriptor().name());
    settings.put("base.sha256", model.weights().sha256());
    settings.put("sampler", sampling.sampler().name());
    sampling
        .sampler()
        .settings()
        .forEach((name, value) -> settings.put("sampler." + name, String.valueOf(value)));
    settings.put("steps", Integer.toString(sampling.steps()));
    settings.put("guidance scale", Double.toString(sampling.guidanceScale()));
    settings.put("negative prompt", sampling.negativePrompt());
    settings.put("batch size", Integer.toString(sampling.batchSize()));
    settings.put("seed", Long.toString(protocol.seed()));
    settings.put("device", model.descriptor().device().toString());
    int index = 0;
    Set<String> named = new LinkedHashSet<>();
    for (FeatureExtractor extractor : extractors(null)) {
      if (named.add(extractor.info().sha256())) {
        String prefix = "extractor " + ++index;
        settings.put(prefix, extractor.info().name());
        settings.put(prefix + ".sha256", extractor.info().sha256());
        settings.put(prefix + ".input", extractor.info().input());
      }
    }
    return settings;
  }

  private void checkCancelled() {
    if (plan.cancelled().getAsBoolean() || Thread.currentThread().isInterrupted()) {
      throw new CancellationException(
          "the evaluation was cancelled after %d of %d pictures".formatted(done, total));
    }
  }
}
