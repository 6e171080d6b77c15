package dev.ablation.job;

import dev.ablation.anchor.TargetAnchor;
import dev.ablation.attack.AttackSettings;
import dev.ablation.attack.AttackTarget;
import dev.ablation.attack.Attacks;
import dev.ablation.attack.EmbeddingAttack;
import dev.ablation.attack.LatentGuide;
import dev.ablation.attack.NoiseAttack;
import dev.ablation.attack.SdEditAttack;
import dev.ablation.attack.WordingAttack;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.concept.PromptPair;
import dev.ablation.djl.clip.Clip;
import dev.ablation.djl.metric.ClipGuide;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.EmojiAblation;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.evaluation.ErasureEarlyStopping;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.NearConcept;
import dev.ablation.evaluation.NeighbourSearch;
import dev.ablation.evaluation.Protocol;
import dev.ablation.evaluation.Role;
import dev.ablation.evaluation.Subject;
import dev.ablation.evaluation.SubjectMetric;
import dev.ablation.image.ImageFile;
import dev.ablation.job.evidence.Sha256;
import dev.ablation.metric.ClipScore;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Turns the description of an evaluation into the library's, with its attacks. */
final class JobEvaluations {
  /** The name under which the emoji model's evaluation counts images that show their subject. */
  static final String DRAWN = "drawn as named";

  /** The name under which it counts copies of the memorized image. */
  static final String COPIES = "copies of the memorised image";

  /** The name of the retain accuracy of neighbours and unrelated subjects. */
  static final String KEPT = "kept of what was right before";

  private static final int PIXEL_IMAGES = 4;

  private static final int QUICK_IMAGES = 12;
  private static final int FULL_IMAGES = 24;

  /** The usual eta of attacks by more noise. */
  private static final double ETA = 1.5;

  /** The emoji model is a thousandth of Stable Diffusion and learns with larger steps. */
  private static final double EMBEDDED_TUNING_RATE = 1e-4;

  /** With fewer images the manifold of a subject's images says little. */
  private static final int IMAGES_OF_PRECISION = 20;

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
      List<NearConcept> found = nearest(pairs);
      if (wanted.neighbours().isEmpty() && found.isEmpty()) {
        evaluation = evaluation.withoutNeighbours();
      }
      evaluation = evaluation.neighbours(found).inPrompt(wanted.inPrompt().toArray(String[]::new));
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
    Protocol counts = evaluation.protocol();
    if (embedded != null) {
      evaluation =
          evaluation.withoutAttacks().attacks(counted(evaluation.attacks(), counts.targetImages()));
    }
    if (clip != null
        && Math.min(counts.neighbourImages(), counts.unrelatedImages()) >= IMAGES_OF_PRECISION) {
      evaluation =
          evaluation.metric(SubjectMetric.precision(clip).onlyOf(Role.NEIGHBOUR, Role.UNRELATED));
    }
    if (wanted.attacks().stream().anyMatch(JobAttack::isPreset)) {
      evaluation = evaluation.withoutAttacks(); // a set has the emoji model's own
    }
    for (JobAttack attack : wanted.attacks()) {
      for (TargetAnchor pair : pairs) {
        evaluation =
            attack.isPreset()
                ? withPreset(attack, pair, evaluation, pairs.size() > 1)
                : evaluation.attacks(attacks(attack, pair, evaluation, pairs.size() > 1));
      }
    }
    Path control = wanted.control();
    return control == null
        ? evaluation
        : evaluation.control(
            evaluator.found().control(control, () -> JobSession.openControl(job.model(), control)));
  }

  private Evaluation withPreset(
      JobAttack attack, TargetAnchor pair, Evaluation evaluation, boolean several) {
    boolean quick = attack.kind().equals(JobAttack.QUICK);
    if (!quick && !attack.kind().equals(JobAttack.FULL)) {
      return evaluation;
    }
    AttackTarget target =
        AttackTarget.of(pair).prompts(prompts(attack, pair, evaluation)).guide(guide(pair));
    if (job.model().isEmbedded()) {
      target = target.fineTuningRate(EMBEDDED_TUNING_RATE);
    }
    if (several) {
      target = target.label(pair.target().name());
    }
    AttackSettings trial = trial(attack, pair, evaluation, quick ? QUICK_IMAGES : FULL_IMAGES);
    Attacks attacks =
        quick ? Attacks.quick(model, target, trial) : Attacks.full(model, target, trial);
    return evaluation.attacks(attacks.attacks()).attacksLeftOut(attacks.leftOut());
  }

  private AttackSettings trial(
      JobAttack attack, TargetAnchor pair, Evaluation evaluation, int images) {
    return new AttackSettings(
        detector(pair),
        evaluation.protocol().sampling(),
        or(attack.images(), images),
        job.seed(),
        otherJudges(pair));
  }

  /** Any CLIP has none that took no part in an attack. */
  private List<ConceptDetector> otherJudges(TargetAnchor pair) {
    EmbeddedEvaluator embedded = evaluator.embedded();
    if (embedded == null) {
      return List.of();
    }
    return List.of(embedded.ofNearestImage(plain(pair.target().name())));
  }

  /** By the gradient of what counts the images. */
  private LatentGuide guide(TargetAnchor pair) {
    String target = pair.target().name();
    return evaluator.found().guide(target, () -> newGuide(target, pair.anchor().name()));
  }

  private ClipGuide newGuide(String target, String anchor) {
    EmbeddedEvaluator embedded = evaluator.embedded();
    return embedded != null
        ? embedded.guideTo(model, plain(target))
        : new ClipGuide(
            evaluator.encoder().orElseThrow(),
            model,
            ClipScore.text(target, anchor),
            List.of(ClipScore.text(anchor, anchor)));
  }

  private Evaluation ofEmbedded(EmbeddedEvaluator embedded) throws IOException {
    EmojiAblation ablation = EmbeddedTargets.of(job, sampling());
    JobNearest nearest = wanted.nearest();
    if (nearest != null) {
      EmojiAblation named = ablation;
      List<NearConcept> found =
          evaluator
              .found()
              .neighbours(
                  search(),
                  () ->
                      named.nearest(
                          model,
                          embedded,
                          names ->
                              withImages(
                                  NeighbourSearch.among(vocabulary(nearest, names)), nearest)));
      ablation =
          ablation.neighbours(
              found.subList(0, Math.min(found.size(), nearest.count() * job.targets().size())));
    }
    Evaluation evaluation = ablation.evaluation(embedded, job.seed());
    boolean crossDomain =
        job.acceptance().stream()
            .anyMatch(limit -> limit.measure().equals(AcceptanceLimit.CROSS_DOMAIN));
    return crossDomain ? withOtherDomain(evaluation) : evaluation;
  }

  /** What a search for neighbours depends on, as a hash. */
  private String search() throws IOException {
    JobEvaluation searched =
        new JobEvaluation(
            JobSession.evaluatorOf(job),
            null,
            wanted.neighbours(),
            List.of(),
            wanted.sampling(),
            List.of(),
            wanted.nearest(),
            List.of(),
            null);
    // On whatever device and with whatever threads.
    JobModel anywhere = JobModel.at(job.model().location());
    AblationJob reduced = AblationJob.of(anywhere, job.targets()).evaluation(searched);
    if (job.preserve().isPresent()) {
      reduced = reduced.preserve(job.preserve().get());
    }
    String text =
        "%s %s %s"
            .formatted(
                reduced.sha256(), model.weights().sha256(), evaluator.sha256().orElse("none"));
    return Sha256.of(text.getBytes(StandardCharsets.UTF_8));
  }

  /** The nearest of each target, without those that are named or removed anyway. */
  private List<NearConcept> nearest(List<TargetAnchor> pairs) throws IOException {
    JobNearest nearest = wanted.nearest();
    return nearest == null
        ? List.of()
        : evaluator.found().neighbours(search(), () -> nearest(pairs, nearest));
  }

  private List<NearConcept> nearest(List<TargetAnchor> pairs, JobNearest nearest) {
    Set<String> known = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
    wanted.neighbours().forEach(neighbour -> known.add(neighbour.name()));
    for (TargetAnchor pair : pairs) {
      known.add(pair.target().name());
      known.addAll(pair.target().aliases());
      known.add(pair.anchor().name());
    }
    List<NearConcept> found = new ArrayList<>();
    for (TargetAnchor pair : pairs) {
      List<String> vocabulary =
          vocabulary(nearest, NeighbourSearch.builtIn(pair.target().kind()).vocabulary());
      NeighbourSearch search = NeighbourSearch.among(vocabulary);
      Clip clip = evaluator.clip();
      if (clip != null) {
        search = withImages(search.texts(clip), nearest);
      }
      search.find(model, pair.target(), pair.anchor()).stream()
          .filter(near -> known.add(near.name()))
          .limit(nearest.count())
          .forEach(found::add);
    }
    return found;
  }

  /** The names of the job, else those that it preserves, else the given ones. */
  private List<String> vocabulary(JobNearest nearest, List<String> usual) {
    List<String> preserved =
        job.preserve()
            .map(preserve -> preserve.concepts().stream().map(JobConcept::name).toList())
            .orElse(List.of());
    return !nearest.among().isEmpty() ? nearest.among() : preserved.isEmpty() ? usual : preserved;
  }

  private NeighbourSearch withImages(NeighbourSearch search, JobNearest nearest) {
    EmbeddedEvaluator embedded = evaluator.embedded();
    Clip extractor = embedded == null ? evaluator.clip() : embedded.clip();
    return nearest.images() == null || extractor == null
        ? search
        : search.images(extractor, nearest.images(), sampling());
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
    String name = plain(subject.concept());
    if (embedded.styles().contains(name)) {
      return Optional.of(embedded.ofStyle(name));
    }
    return embedded.concepts().contains(name)
        ? Optional.of(embedded.ofConcept(name))
        : Optional.empty();
  }

  private static String plain(String name) {
    return name.replaceFirst("^an? ", "");
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
            .metric(SubjectMetric.keptShare(subject -> ofClip(clip, subject, anchor)));
    return wanted.sampling() == null
        ? evaluation
        : evaluation.protocol(p -> p.sampling(sampling()));
  }

  private static Optional<ConceptDetector> ofClip(Clip clip, Subject subject, String anchor) {
    return subject.role() != Role.ANCHOR && subject.role() != Role.UNRELATED
        ? Optional.of(ConceptDetector.clip(clip, subject.concept(), anchor))
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

  /** The emoji model's own wordings, with as many images as the target has. */
  private static List<Attack> counted(List<Attack> attacks, int images) {
    return attacks.stream()
        .map(attack ->
            attack instanceof WordingAttack each
                ? new WordingAttack(each.name(), each.prompts(), each.trial().images(images))
                : attack)
        .toList();
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
    AttackSettings trial = trial(attack, pair, evaluation, evaluation.protocol().targetImages());
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
      case "noise" ->
          attacks.add(
              new NoiseAttack(Objects.requireNonNullElse(attack.strength(), ETA), prompts, trial));
      case "embedding" ->
          attacks.add(
              new EmbeddingAttack(
                  promptPairs(pair),
                  prompts,
                  Objects.requireNonNullElse(attack.strength(), 1.0),
                  trial));
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
