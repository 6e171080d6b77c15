package dev.ablation.evaluation;

import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.EvaluationCheck.Planned;
import dev.ablation.evaluation.EvaluationPart.Piece;
import dev.ablation.evaluation.SubjectMetric.Additive;
import dev.ablation.evaluation.SubjectMetric.Measurement;
import dev.ablation.internal.LibraryVersion;
import dev.ablation.metric.Bootstrap;
import dev.ablation.metric.EvaluationProgress;
import dev.ablation.metric.TextImageEncoder;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.FacilitatedTransport;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * One run of an evaluation: generates each batch before and after the ablation and passes it to the
 * metrics.
 */
final class EvaluationRun {
  private final Evaluation evaluation;
  private final Protocol protocol;
  private final List<Planned> subjects;
  private final DiffusionModel model;
  private final WeightDelta delta;
  private final Consumer<? super EvaluationProgress> listener;
  private final BooleanSupplier cancelled;
  private final LatentSampler sampler;
  private final @Nullable ImageCache keptBase;
  private final @Nullable ImageCache keptAblated;
  private final int total;
  private int done;

  EvaluationRun(
      Evaluation evaluation,
      List<Planned> subjects,
      DiffusionModel model,
      WeightDelta delta,
      Consumer<? super EvaluationProgress> listener,
      BooleanSupplier cancelled) {
    this.evaluation = evaluation;
    this.protocol = evaluation.protocol();
    this.subjects = List.copyOf(subjects);
    this.model = model;
    this.delta = delta;
    this.listener = listener;
    this.cancelled = cancelled;
    SamplingSettings sampling = protocol.sampling();
    sampler = LatentSampler.of(model).settings(sampling).cancellation(cancelled);
    keptBase =
        evaluation
            .folder()
            .map(folder -> ImageCache.of(folder, model, sampling, Optional.empty()))
            .orElse(null);
    keptAblated =
        evaluation
            .folder()
            .map(folder ->
                delta.applied(model, () -> ImageCache.of(folder, model, sampling, delta.gate())))
            .orElse(null);
    total = 2 * subjects.stream().mapToInt(planned -> planned.subject().images()).sum();
  }

  EvaluationResult result() throws IOException {
    long start = System.nanoTime();
    List<SubjectResult> results = new ArrayList<>();
    for (Planned planned : subjects) {
      results.add(measure(planned));
    }
    List<AttackResult> attacks = attacks();
    return new EvaluationResult(
        settings(), results, attacks, Duration.ofNanos(System.nanoTime() - start));
  }

  EvaluationPart part(List<EvaluationSlice> slices) throws IOException {
    long start = System.nanoTime();
    List<Piece> pieces = new ArrayList<>();
    Map<Integer, AttackResult> attacks = new TreeMap<>();
    for (EvaluationSlice slice : slices) {
      if (slice.attack()) {
        checkCancelled();
        Attack attack = evaluation.attacks().get(slice.index());
        attacks.put(slice.index(), attack.run(attacked(attack, 0, 1), cancelled));
        listener.accept(new EvaluationProgress(attack.name(), 1, 1));
      } else {
        pieces.add(piece(slice));
      }
    }
    return new EvaluationPart(
        settings(), Duration.ofNanos(System.nanoTime() - start), pieces, attacks);
  }

  private Piece piece(EvaluationSlice slice) throws IOException {
    Planned planned = subjects.get(slice.index());
    List<Measurement> measurements = begin(evaluation, planned);
    List<ImagePair> shown = measure(planned.subject(), slice.first(), slice.end(), measurements);
    return new Piece(
        slice.index(),
        slice.first(),
        slice.end(),
        measurements.stream().map(each -> ((Additive) each).statistics()).toList(),
        shown);
  }

  /** Completes the measurements of all images, wherever they were made. */
  static EvaluationResult result(
      Evaluation evaluation, List<Planned> subjects, EvaluationPart part) {
    List<SubjectResult> results = new ArrayList<>();
    for (int i = 0; i < subjects.size(); i++) {
      Planned planned = subjects.get(i);
      int index = i;
      List<Piece> pieces =
          part.pieces().stream().filter(piece -> piece.subject() == index).toList();
      Piece all = pieces.size() == 1 ? pieces.get(0) : null;
      if (all == null || all.first() != 0 || all.end() != planned.subject().images()) {
        throw new IllegalArgumentException(
            "parts must have all %d images of '%s', have %s"
                .formatted(
                    planned.subject().images(),
                    planned.subject().name(),
                    pieces.isEmpty()
                        ? "none"
                        : pieces.stream()
                            .map(piece -> piece.first() + " to " + (piece.end() - 1))
                            .collect(Collectors.joining(", "))));
      }
      List<Measurement> measurements = begin(evaluation, planned);
      if (measurements.size() != all.statistics().size()) {
        throw new IllegalArgumentException(
            "parts must be of this evaluation, have %d metrics of '%s', not %d"
                .formatted(all.statistics().size(), planned.subject().name(), measurements.size()));
      }
      for (int k = 0; k < measurements.size(); k++) {
        ((Additive) measurements.get(k)).add(all.statistics().get(k));
      }
      results.add(
          new SubjectResult(
              planned.subject(),
              measurements.stream().map(Measurement::result).toList(),
              all.shown()));
    }
    List<AttackResult> attacks = new ArrayList<>();
    for (int i = 0; i < evaluation.attacks().size(); i++) {
      AttackResult attack = part.attacks().get(i);
      if (attack == null) {
        throw new IllegalArgumentException(
            "parts must have every attack, lack '%s'"
                .formatted(evaluation.attacks().get(i).name()));
      }
      attacks.add(attack);
    }
    return new EvaluationResult(part.settings(), results, attacks, part.elapsed());
  }

  private static List<Measurement> begin(Evaluation evaluation, Planned planned) {
    List<Measurement> measurements = new ArrayList<>();
    for (SubjectMetric metric : evaluation.metrics()) {
      if (metric.measures(planned.subject())) {
        measurements.add(
            metric.begin(planned.subject(), planned.anchor(), evaluation.protocol().bootstrap()));
      }
    }
    return measurements;
  }

  private AttackModels attacked(Attack attack, int before, int all) {
    return new AttackModels(model, delta, evaluation.control().orElse(null))
        .progress(what ->
            listener.accept(new EvaluationProgress(attack.name() + ": " + what, before, all)));
  }

  private List<AttackResult> attacks() {
    List<AttackResult> results = new ArrayList<>();
    List<Attack> attacks = evaluation.attacks();
    for (Attack attack : attacks) {
      checkCancelled();
      results.add(attack.run(attacked(attack, results.size(), attacks.size()), cancelled));
      listener.accept(new EvaluationProgress(attack.name(), results.size(), attacks.size()));
    }
    return results;
  }

  private SubjectResult measure(Planned planned) throws IOException {
    Subject subject = planned.subject();
    List<Measurement> measurements = begin(evaluation, planned);
    List<ImagePair> shown = measure(subject, 0, subject.images(), measurements);
    checkCancelled();
    return new SubjectResult(
        subject, measurements.stream().map(Measurement::result).toList(), shown);
  }

  /** Measures images from {@code begin}, which starts a batch, to before {@code last}. */
  private List<ImagePair> measure(
      Subject subject, int begin, int last, List<Measurement> measurements) throws IOException {
    List<ImagePair> shown = new ArrayList<>();
    int batchSize = protocol.sampling().batchSize();
    for (int first = begin; first < last; first += batchSize) {
      int end = Math.min(last, first + batchSize);
      ImageBatch batch = draw(subject, first, end);
      measurements.forEach(measurement -> measurement.add(batch));
      for (int i = first; i < Math.min(end, protocol.shown()); i++) {
        shown.add(
            new ImagePair(
                subject.prompt(i),
                protocol.seed() + i,
                batch.base().get(i - first),
                batch.ablated().get(i - first)));
      }
    }
    return shown;
  }

  private ImageBatch draw(Subject subject, int first, int end) throws IOException {
    List<String> prompts = IntStream.range(first, end).mapToObj(subject::prompt).toList();
    long seed = protocol.seed() + first;
    List<BufferedImage> base = keptOr(keptBase, prompts, seed, () -> sampler.draw(prompts, seed));
    tell(subject, end - first);
    List<BufferedImage> ablated =
        keptOr(
            keptAblated,
            prompts,
            seed,
            () -> FacilitatedTransport.drawWith(delta, model, sampler, prompts, seed));
    tell(subject, end - first);
    return new ImageBatch(first, base, ablated);
  }

  private List<BufferedImage> keptOr(
      @Nullable ImageCache kept,
      List<String> prompts,
      long seed,
      Supplier<List<BufferedImage>> draw)
      throws IOException {
    checkCancelled();
    if (kept == null) {
      return draw.get();
    }
    Optional<List<BufferedImage>> found = kept.read(prompts, seed);
    if (found.isPresent()) {
      return found.get();
    }
    List<BufferedImage> drawn = draw.get();
    kept.write(prompts, seed, drawn);
    return drawn;
  }

  private void tell(Subject subject, int images) {
    done += images;
    listener.accept(new EvaluationProgress("evaluation of " + subject.name(), done, total));
  }

  private void checkCancelled() {
    if (cancelled.getAsBoolean() || Thread.currentThread().isInterrupted()) {
      throw new CancellationException(
          "the evaluation was cancelled after %d of %d images".formatted(done, total));
    }
  }

  private Map<String, String> settings() {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("library", LibraryVersion.get());
    settings.put("base.name", model.descriptor().name());
    settings.put("base.sha256", model.weights().sha256());
    model.weights().boundSha256().ifPresent(sha256 -> settings.put("base.applied.sha256", sha256));
    delta
        .applied(model, () -> model.weights().boundSha256())
        .ifPresent(sha256 -> settings.put("ablated.applied.sha256", sha256));
    delta.gate().ifPresent(gate -> settings.put("gate", gate.toJson()));
    evaluation
        .control()
        .ifPresent(control -> {
          settings.put("control.name", control.descriptor().name());
          settings.put("control.sha256", control.weights().sha256());
        });
    evaluation
        .attacksLeftOut()
        .forEach((attack, reason) -> settings.put(EvaluationResult.LEFT_OUT + attack, reason));
    SamplingSettings sampling = protocol.sampling();
    settings.put("sampler", sampling.sampler().name() + sampling.sampler().settings());
    settings.put("steps", Integer.toString(sampling.steps()));
    settings.put("guidanceScale", sampling.guidanceText());
    settings.put("negativePrompt", sampling.negativePrompt());
    settings.put("batchSize", Integer.toString(sampling.batchSize()));
    settings.put("seed", Long.toString(protocol.seed()));
    settings.put("seeds", "image i of a subject has seed + i, before and after");
    settings.put("targets", names(Role.TARGET));
    settings.put("anchors", names(Role.ANCHOR));
    evaluation
        .foundNeighbours()
        .forEach(found -> settings.put("neighbour." + found.name(), found.words()));
    settings.put("images.target", Integer.toString(protocol.targetImages()));
    settings.put("images.anchor", Integer.toString(protocol.anchorImages()));
    settings.put("images.neighbour", Integer.toString(protocol.neighbourImages()));
    settings.put("images.unrelated", Integer.toString(protocol.unrelatedImages()));
    settings.put("prompts", Integer.toString(protocol.prompts()));
    Bootstrap bootstrap = protocol.bootstrap();
    settings.put(
        "bootstrap",
        "%d resamples, level %s, seed %d"
            .formatted(bootstrap.resamples(), bootstrap.level(), bootstrap.seed()));
    settings.put(
        "metrics",
        evaluation.metrics().stream()
            .map(SubjectMetric::name)
            .distinct()
            .collect(Collectors.joining(", ")));
    evaluation
        .encoder()
        .map(TextImageEncoder::info)
        .ifPresent(encoder -> {
          settings.put("encoder", encoder.name());
          settings.put("encoder.sha256", encoder.sha256());
          settings.put("encoder.input", encoder.input());
        });
    LibraryVersion.environment(model.descriptor().device())
        .forEach((name, value) -> settings.put("environment." + name, value));
    return settings;
  }

  private String names(Role role) {
    return subjects.stream()
        .map(Planned::subject)
        .filter(subject -> subject.role() == role)
        .map(Subject::name)
        .collect(Collectors.joining(", "));
  }
}
