package dev.ablation.job;

import dev.ablation.anchor.TargetAnchor;
import dev.ablation.attack.AttackSettings;
import dev.ablation.attack.EmbeddingAttack;
import dev.ablation.attack.NoiseAttack;
import dev.ablation.attack.SdEditAttack;
import dev.ablation.attack.WordingAttack;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.concept.PromptPair;
import dev.ablation.djl.clip.Clip;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.evaluation.ErasureEarlyStopping;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.Protocol;
import dev.ablation.evaluation.Role;
import dev.ablation.evaluation.Subject;
import dev.ablation.evaluation.SubjectMetric;
import dev.ablation.image.ImageFile;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Turns the description of an evaluation into the library's, with its attacks. */
final class JobEvaluations {
  /** The name under which the emoji model's evaluation counts images that show their subject. */
  static final String DRAWN = "drawn as named";

  /** The name under which it counts copies of the memorized image. */
  static final String COPIES = "copies of the memorised image";

  private static final int PIXEL_IMAGES = 4;

  /** Of every category one, so that the retain accuracy of the other domain is of many things. */
  private static final List<String> THINGS =
      List.of("dog face", "red apple", "rocket", "trophy", "house", "sun");

  private final AblationJob job;
  private final DiffusionModel model;
  private final JobEvaluator evaluator;
  private final JobEvaluation wanted;

  JobEvaluations(AblationJob job, DiffusionModel model, JobEvaluator evaluator) {
    this.job = job;
    this.model = model;
    this.evaluator = evaluator;
    wanted = job.evaluation();
  }

  Evaluation evaluation(List<TargetAnchor> pairs) throws IOException {
    EmbeddedEvaluator embedded = evaluator.embedded();
    Clip clip = evaluator.clip();
    Evaluation evaluation;
    if (embedded != null) {
      evaluation = ofEmbedded(embedded);
    } else {
      evaluation = clip == null ? ofPixels() : ofClip(clip, pairs.get(0).anchor().name());
      evaluation = evaluation.protocol(p -> p.seed(job.seed()));
      if (wanted.neighbours().isEmpty()) {
        evaluation = evaluation.withoutNeighbours();
      }
    }
    for (JobConcept neighbour : wanted.neighbours()) {
      evaluation =
          neighbour.prompts().isEmpty()
              ? evaluation.neighbours(JobPlanner.concept(neighbour, JobPlanner.firstKind(job)))
              : evaluation.neighbour(neighbour.name(), neighbour.prompts());
    }
    if (!wanted.unrelated().isEmpty()) {
      evaluation = evaluation.unrelated(wanted.unrelated());
    }
    evaluation = evaluation.protocol(this::counted);
    for (JobAttack attack : wanted.attacks()) {
      for (TargetAnchor pair : pairs) {
        evaluation = evaluation.attacks(attacks(attack, pair, evaluation, pairs.size() > 1));
      }
    }
    return evaluation;
  }

  private Evaluation ofEmbedded(EmbeddedEvaluator embedded) {
    Evaluation evaluation =
        EmbeddedTargets.of(job, sampling())
            .evaluation(embedded, job.seed())
            .metric(new KeptShare(subject -> named(embedded, subject)));
    boolean crossDomain =
        job.acceptance().stream()
            .anyMatch(limit -> limit.measure().equals(AcceptanceLimit.CROSS_DOMAIN));
    return crossDomain ? withOtherDomain(evaluation) : evaluation;
  }

  /** Of a style the objects, of anything else the styles. */
  private Evaluation withOtherDomain(Evaluation evaluation) {
    List<String> gone =
        job.targets().stream().map(target -> target.name().toLowerCase(Locale.ROOT)).toList();
    List<String> styles =
        EmbeddedModel.styles().stream().filter(style -> !gone.contains(style)).toList();
    List<String> things = THINGS.stream().filter(thing -> !gone.contains(thing)).toList();
    boolean ofStyle = JobPlanner.firstKind(job) == ConceptKind.STYLE;
    Evaluation changed = evaluation;
    for (String subject : ofStyle ? things : styles) {
      List<String> prompts =
          (ofStyle ? styles : things)
              .stream()
                  .map(other ->
                      ofStyle
                          ? EmbeddedModel.withArticle(subject) + " in " + other + " style"
                          : EmbeddedModel.withArticle(other) + " in " + subject + " style")
                  .toList();
      changed = changed.unrelated(subject, prompts);
    }
    return changed;
  }

  private static Optional<ConceptDetector> named(EmbeddedEvaluator embedded, Subject subject) {
    String name = subject.name().replaceFirst("^an? ", "");
    if (embedded.styles().contains(name)) {
      return Optional.of(embedded.ofStyle(name));
    }
    return embedded.concepts().contains(name)
        ? Optional.of(embedded.ofConcept(name))
        : Optional.empty();
  }

  private Evaluation ofPixels() {
    return Evaluation.of(SubjectMetric.pixelChange())
        .protocol(p ->
            p.images(PIXEL_IMAGES, PIXEL_IMAGES, PIXEL_IMAGES, PIXEL_IMAGES)
                .prompts(PIXEL_IMAGES)
                .sampling(sampling())
                .shown(PIXEL_IMAGES));
  }

  private SamplingSettings sampling() {
    return sampling(job, model);
  }

  /** How the evaluation of a job draws, whoever counts. */
  static SamplingSettings sampling(AblationJob job, DiffusionModel model) {
    JobEvaluation evaluation = job.evaluation();
    boolean clip = evaluation.evaluatorPath().isPresent();
    boolean pixels = JobEvaluation.PIXELS.equals(evaluation.evaluator());
    SamplingSettings usual =
        job.model().isEmbedded() && !clip && !pixels
            ? EmbeddedTargets.of(job, null).sampling()
            : clip && evaluation.sampling() == null
                ? Protocol.paper().sampling().compatibleWith(model)
                : SamplingSettings.defaultsFor(model);
    return evaluation.sampling() == null
        ? usual
        : JobPlanner.sampling(evaluation.sampling(), usual);
  }

  private Evaluation ofClip(Clip clip, String anchor) {
    Evaluation evaluation =
        Evaluation.with(clip)
            .metric(SubjectMetric.pixelChange())
            .metric(SubjectMetric.shareOfSubjects(DRAWN, subject -> ofClip(clip, subject, anchor)))
            .metric(new KeptShare(subject -> ofClip(clip, subject, anchor)));
    return wanted.sampling() == null
        ? evaluation
        : evaluation.protocol(p -> p.sampling(sampling()));
  }

  private static Optional<ConceptDetector> ofClip(Clip clip, Subject subject, String anchor) {
    return subject.role() == Role.TARGET || subject.role() == Role.NEIGHBOUR
        ? Optional.of(ConceptDetector.clip(clip, subject.name(), anchor))
        : Optional.empty();
  }

  private Protocol counted(Protocol protocol) {
    JobImageCounts counts = wanted.images();
    if (counts == null) {
      return protocol;
    }
    Protocol changed =
        protocol.images(
            or(counts.target(), protocol.targetImages()),
            or(counts.anchor(), protocol.anchorImages()),
            or(counts.neighbour(), protocol.neighbourImages()),
            or(counts.unrelated(), protocol.unrelatedImages()));
    return changed
        .prompts(or(counts.prompts(), protocol.prompts()))
        .shown(or(counts.shown(), protocol.shown()));
  }

  private static int or(@Nullable Integer value, int otherwise) {
    return value == null ? otherwise : value;
  }

  private List<? extends Attack> attacks(
      JobAttack attack, TargetAnchor pair, Evaluation evaluation, boolean several)
      throws IOException {
    List<Attack> attacks = new ArrayList<>();
    Concept target = pair.target();
    List<String> prompts = prompts(attack, pair, evaluation);
    AttackSettings trial =
        new AttackSettings(
            detector(pair),
            evaluation.protocol().sampling(),
            or(attack.images(), evaluation.protocol().targetImages()),
            job.seed());
    double strength = Objects.requireNonNullElse(attack.strength(), 1.0);
    switch (attack.kind()) {
      case "wordings" -> {
        // The emoji model's own evaluation has them.
        if (evaluator.embedded() == null) {
          for (WordingAttack each : WordingAttack.of(target.name(), prompts, trial)) {
            attacks.add(
                several
                    ? new WordingAttack(target.name() + ", " + each.name(), each.prompts(), trial)
                    : each);
          }
        }
      }
      case "noise" -> attacks.add(new NoiseAttack(strength, prompts, trial));
      case "embedding" ->
          attacks.add(new EmbeddingAttack(promptPairs(pair), prompts, strength, trial));
      default ->
          attacks.add(
              new SdEditAttack(
                  images(Objects.requireNonNull(attack.originals())),
                  Objects.requireNonNullElse(attack.strength(), 0.6),
                  prompts,
                  trial));
    }
    return attacks;
  }

  private static List<String> prompts(JobAttack attack, TargetAnchor pair, Evaluation evaluation) {
    if (!attack.prompts().isEmpty()) {
      return attack.prompts();
    }
    List<String> known =
        evaluation.targets().contains(pair.target())
            ? evaluation.subjects().stream()
                .filter(subject -> subject.role() == Role.TARGET)
                .filter(subject -> subject.name().equals(pair.target().name()))
                .flatMap(subject -> subject.prompts().stream())
                .toList()
            : List.of();
    return known.isEmpty()
        ? promptPairs(pair).stream()
            .map(PromptPair::target)
            .limit(evaluation.protocol().prompts())
            .toList()
        : known;
  }

  private static List<PromptPair> promptPairs(TargetAnchor pair) {
    return pair.anchor().prompts(pair.target()).stream()
        .map(anchor ->
            new PromptPair(anchor, pair.anchor().targetPrompts(pair.target(), anchor).get(0)))
        .toList();
  }

  private ConceptDetector detector(TargetAnchor pair) {
    String name = pair.target().name();
    EmbeddedEvaluator embedded = evaluator.embedded();
    if (embedded != null) {
      return named(embedded, new Subject(Role.TARGET, name, List.of(name), 1))
          .orElseGet(embedded::ofPlantedCopies);
    }
    return ConceptDetector.clip(
        Objects.requireNonNull(evaluator.clip()), name, pair.anchor().name());
  }

  private static List<BufferedImage> images(Path folder) throws IOException {
    List<BufferedImage> images = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
        images.add(ImageFile.read(file));
      }
    }
    if (images.isEmpty()) {
      throw new IOException(folder + ": the folder must have images");
    }
    return images;
  }

  ErasureEarlyStopping stopping(JobEarlyStopping settings) {
    EmbeddedEvaluator embedded = Objects.requireNonNull(evaluator.embedded());
    JobTarget target = job.targets().get(0);
    String name = target.name().strip().toLowerCase(Locale.ROOT);
    ErasureEarlyStopping stopping =
        switch (EmbeddedTargets.kind(target)) {
          case STYLE -> embedded.stoppingOfStyle(name);
          case INSTANCE -> embedded.stoppingOfInstance(name);
          default -> embedded.stoppingOfPlanted();
        };
    if (settings.everySteps() != null) {
      stopping = stopping.every(settings.everySteps());
    }
    return stopping.limits(
        Objects.requireNonNullElse(settings.tolerance(), stopping.tolerance()),
        Objects.requireNonNullElse(settings.minRetention(), stopping.minRetention()),
        Objects.requireNonNullElse(settings.patience(), stopping.patience()));
  }
}
