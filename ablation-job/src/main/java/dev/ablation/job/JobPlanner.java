package dev.ablation.job;

import dev.ablation.Ablation;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.anchor.TargetAnchor;
import dev.ablation.anchor.UnconditionalAnchors;
import dev.ablation.augment.Augmentation;
import dev.ablation.closedform.ClosedForm;
import dev.ablation.closedform.OrthogonalErasure;
import dev.ablation.closedform.Rece;
import dev.ablation.closedform.SequenceLeastSquares;
import dev.ablation.closedform.Uce;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.concept.MemorizedImage;
import dev.ablation.concept.Preservation;
import dev.ablation.concept.PromptPair;
import dev.ablation.delta.ConceptGate;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.EmojiAblation;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.model.AdamW;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Lora;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.LatentAnchoring;
import dev.ablation.objective.Teacher;
import dev.ablation.objective.TimestepWeighting;
import dev.ablation.objective.Trajectory;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.train.GradientTrainer;
import dev.ablation.train.LearningRateSchedule;
import dev.ablation.train.Preset;
import dev.ablation.train.Redirection;
import dev.ablation.train.RepresentationMisdirection;
import dev.ablation.train.TaskVector;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Turns the description into the plan and the evaluation of the library. */
final class JobPlanner {
  private static final Pattern ARTICLE = Pattern.compile("^(?:an?|the) ", Pattern.CASE_INSENSITIVE);

  /** The default scale of ESD's published code. */
  private static final double NEGATIVE_GUIDANCE = 2;

  private static final Logger LOG = LoggerFactory.getLogger(JobPlanner.class);

  private final AblationJob job;
  private final DiffusionModel model;
  private final JobEvaluator evaluator;

  JobPlanner(AblationJob job, DiffusionModel model, JobEvaluator evaluator) {
    this.job = job;
    this.model = model;
    this.evaluator = evaluator;
  }

  Optional<Evaluation> evaluation() throws IOException {
    return job.evaluation().isNone()
        ? Optional.empty()
        : Optional.of(new JobEvaluations(job, model, evaluator).evaluation(pairs()));
  }

  Ablation plan() throws IOException {
    JobMethod method = job.method();
    boolean recommended = preset().equals(JobMethod.RECOMMENDED);
    JobClosedForm closedForm = method.closedForm();
    JobObjective objective = method.objective();
    JobObjective redirected = objective != null && objective.isRedirection() ? objective : null;
    Ablation plan;
    if (objective != null && objective.isTrainer()) {
      plan = withTrainer(of(pairs()), objective);
    } else if (redirected != null && job.model().isEmbedded()) {
      plan =
          EmbeddedTargets.of(job, null)
              .resistant()
              .redirection(given -> redirection(given, redirected.redirection()))
              .training(this::adjusted)
              .plan(model);
    } else if (closedForm != null && job.model().isEmbedded()) {
      plan = embedded(closedForm).training(this::adjusted).plan(model);
    } else if (closedForm != null) {
      plan = of(pairs()).preset(this::preset);
      ClosedForm form = closedForm(closedForm).preserved(preservedPrompts());
      plan =
          closedForm.isPolished()
              ? plan.training(trainer -> adjusted(trainer).startingFrom(form))
              : of(pairs()).trainer(form);
    } else if (job.model().isEmbedded()) {
      plan = EmbeddedTargets.of(job, null).plan(model);
      if (!recommended) {
        plan = plan.preset(this::preset);
      }
      plan = plan.training(this::adjusted);
    } else {
      plan = of(pairs()).preset(this::preset).training(this::adjusted);
    }
    if (method.weights() != null) {
      plan = plan.weights(weights(method.weights()));
    }
    if (redirected != null && !job.model().isEmbedded()) {
      Redirection redirection =
          redirection(Redirection.defaults(), redirected.redirection()).keptPrompts(otherPrompts());
      plan = plan.training(trainer -> trainer.redirecting(redirection));
      if (method.weights() == null) {
        plan = plan.weights(WeightGroup.denoiser());
      }
    } else if (objective != null && redirected == null && !objective.isTrainer()) {
      plan = plan.objective(objective(objective));
    }
    Optional<Preservation> preservation = preservation();
    if (preservation.isPresent()) {
      plan = plan.preserve(preservation.get());
    }
    if (objective != null && JobObjective.SEMI_PERMEABLE.equals(objective.kind())) {
      plan = plan.gatedBy(gate(plan));
    }
    return plan.seed(job.seed());
  }

  /** SPM's adapter opens by the prompt; its gate is made of the targets' names. */
  private static ConceptGate gate(Ablation plan) {
    List<String> names =
        plan.pairs().stream()
            .flatMap(pair -> pair.target().phrases().stream())
            // An article is a word that most prompts have.
            .map(name -> ARTICLE.matcher(name).replaceFirst(""))
            .filter(name -> !name.isBlank())
            .distinct()
            .toList();
    return new ConceptGate(names, 0);
  }

  /** Gradient descent without anchor images; its steps and rates are the method's. */
  private Ablation withTrainer(Ablation plan, JobObjective objective) {
    if (JobObjective.TASK_VECTOR.equals(objective.kind())) {
      TaskVector trainer =
          TaskVector.defaults()
              .sampling(
                  job.model().isEmbedded()
                      ? EmbeddedModel.recommendedSampling()
                      : SamplingSettings.defaultsFor(model))
              .training(this::adjusted);
      return plan.trainer(objective.scale() == null ? trainer : trainer.scale(objective.scale()))
          .weights(WeightGroup.denoiser());
    }
    return plan.trainer(RepresentationMisdirection.toAnchor().training(this::adjusted))
        .weights(WeightGroup.firstTextLayer());
  }

  private Ablation of(List<TargetAnchor> pairs) {
    Ablation plan = Ablator.of(model).target(pairs.get(0).target()).anchor(pairs.get(0).anchor());
    for (TargetAnchor next : pairs.subList(1, pairs.size())) {
      plan = plan.andTarget(next.target()).anchor(next.anchor());
    }
    return plan;
  }

  private String preset() {
    return Objects.requireNonNullElse(job.method().preset(), JobMethod.RECOMMENDED);
  }

  private Preset preset(ConceptKind kind) {
    return switch (preset()) {
      case "diffusers" -> Preset.diffusers(kind);
      case "diffusers-with-prior" -> Preset.diffusersWithPrior(kind);
      case "paper" -> Preset.paper(kind);
      case "paper-with-prior" -> Preset.paperWithPrior(kind);
      default -> Preset.standard(kind);
    };
  }

  private List<TargetAnchor> pairs() throws IOException {
    if (job.model().isEmbedded()) {
      return EmbeddedTargets.of(job, null).plan(model).pairs();
    }
    List<TargetAnchor> pairs = new ArrayList<>();
    for (JobTarget target : job.targets()) {
      pairs.add(new TargetAnchor(concept(target), anchor(target)));
    }
    return pairs;
  }

  private static Concept concept(JobTarget target) throws IOException {
    ConceptKind kind = Objects.requireNonNull(target.kind());
    String[] others = target.others().toArray(String[]::new);
    return switch (kind) {
      case MEMORIZED_IMAGE -> {
        MemorizedImage image = Concept.memorized(target.name(), others);
        yield target.file() == null ? image : image.image(target.file());
      }
      case INAPPROPRIATE_CONTENT -> Concept.inappropriate(target.name(), others);
      case PROMPT_PAIRS ->
          target.file() != null
              ? Concept.pairs(target.name(), target.file())
              : Concept.pairs(
                  target.name(),
                  target.pairs().stream()
                      .map(pair -> new PromptPair(pair.anchor(), pair.target()))
                      .toList());
      default -> {
        Concept named = concept(kind, target.name());
        yield others.length == 0 ? named : named.alsoNamed(others);
      }
    };
  }

  private static Concept concept(ConceptKind kind, String name) {
    return switch (kind) {
      case STYLE -> Concept.style(name);
      case INSTANCE -> Concept.instance(name);
      case COMPOSITION -> Concept.composition(name);
      case MEMORIZED_IMAGE -> Concept.memorized(name);
      case INAPPROPRIATE_CONTENT -> Concept.inappropriate(name);
      case PROMPT_PAIRS ->
          throw new IllegalArgumentException(
              "a concept of kind prompt-pairs cannot be preserved, was '%s'".formatted(name));
    };
  }

  /** A concept that stays; of the first target's kind unless it says another one. */
  static Concept concept(JobConcept concept, ConceptKind usual) {
    return concept(Objects.requireNonNullElse(concept.kind(), usual), concept.name());
  }

  private AnchorStrategy anchor(JobTarget target) throws IOException {
    JobAnchor anchor = Objects.requireNonNull(target.anchor());
    JobImages images = anchor.images();
    AnchorStrategy strategy =
        switch (Objects.requireNonNullElse(anchor.kind(), "generated")) {
          case "images" ->
              AnchorStrategy.images(name(anchor), Objects.requireNonNull(anchor.path()));
          case "unconditional" -> unconditional(images);
          case "other-styles" ->
              AnchorStrategy.otherStyles(anchor.styles(), generated(anchor, images));
          default -> generated(anchor, images);
        };
    String augmentation = images == null ? null : images.augmentation();
    return augmentation == null
        ? strategy
        : strategy.augmented(
            switch (augmentation) {
              case "paper" -> Augmentation.paper();
              case "diffusers" -> Augmentation.diffusers();
              default -> Augmentation.none();
            });
  }

  private static String name(JobAnchor anchor) {
    return Objects.requireNonNull(anchor.name());
  }

  private GeneratedAnchors generated(JobAnchor anchor, @Nullable JobImages images)
      throws IOException {
    GeneratedAnchors generated =
        anchor.path() != null
            ? AnchorStrategy.generated(name(anchor), anchor.path())
            : anchor.prompts().isEmpty()
                ? AnchorStrategy.generated(name(anchor))
                : AnchorStrategy.generated(name(anchor), anchor.prompts());
    if (images == null) {
      return generated;
    }
    if (images.count() != null) {
      generated = generated.images(images.count());
    }
    if (images.sampling() != null) {
      generated = generated.sampling(sampling(images.sampling(), model));
    }
    return images.cache() == null ? generated : generated.cachedIn(images.cache());
  }

  private UnconditionalAnchors unconditional(@Nullable JobImages images) {
    UnconditionalAnchors anchors = AnchorStrategy.unconditional();
    if (images == null) {
      return anchors;
    }
    if (images.count() != null) {
      anchors = anchors.images(images.count());
    }
    if (images.sampling() != null) {
      anchors = anchors.sampling(sampling(images.sampling(), model));
    }
    return images.cache() == null ? anchors : anchors.cachedIn(images.cache());
  }

  private Optional<Preservation> preservation() {
    return job.preserve()
        .map(preserve -> {
          ConceptKind usual = firstKind(job);
          Preservation preservation =
              preserve.concepts().isEmpty()
                  ? Preservation.ofPrompts(preserve.prompts())
                  : Preservation.of(
                      preserve.concepts().stream()
                          .map(each -> concept(each, usual))
                          .toArray(Concept[]::new));
          if (!preserve.concepts().isEmpty() && !preserve.prompts().isEmpty()) {
            preservation = preservation.prompts(preserve.prompts());
          }
          return preserve.weight() == null ? preservation : preservation.weight(preserve.weight());
        });
  }

  static ConceptKind firstKind(AblationJob job) {
    JobTarget first = job.targets().get(0);
    return job.model().isEmbedded()
        ? EmbeddedTargets.kind(first)
        : Objects.requireNonNull(first.kind());
  }

  private GradientTrainer adjusted(GradientTrainer trainer) {
    GradientTrainer changed = trainer;
    JobTraining training = job.method().training();
    if (training != null) {
      if (training.steps() != null) {
        changed = changed.steps(training.steps());
      }
      if (training.batchSize() != null) {
        changed = changed.batchSize(training.batchSize());
      }
      if (training.accumulation() != null) {
        changed = changed.accumulation(training.accumulation());
      }
      if (training.learningRate() != null) {
        changed = withRate(changed, training.learningRate());
      }
      if (training.optimizer() != null) {
        changed = withOptimizer(changed, training.optimizer());
      }
      if (training.lora() != null) {
        changed = changed.lora(lora(training.lora()));
      }
      if (training.average() != null) {
        changed = changed.average(training.average());
      }
    }
    JobEarlyStopping early = job.method().earlyStopping();
    return early == null
        ? changed
        : changed.monitor(new JobEvaluations(job, model, evaluator).stopping(early));
  }

  private static GradientTrainer withRate(GradientTrainer trainer, JobLearningRate rate) {
    GradientTrainer changed = rate.value() == null ? trainer : trainer.learningRate(rate.value());
    int warmUp = Objects.requireNonNullElse(rate.warmUpSteps(), 0);
    if ("cosine".equals(rate.schedule())) {
      return changed.schedule(
          LearningRateSchedule.cosine(warmUp, Objects.requireNonNullElse(rate.floor(), 0.0)));
    }
    if ("cosine-with-restarts".equals(rate.schedule())) {
      return changed.schedule(
          LearningRateSchedule.cosineWithRestarts(
              warmUp, Objects.requireNonNullElse(rate.cycles(), 1)));
    }
    if (warmUp > 0) {
      return changed.schedule(LearningRateSchedule.constantWithWarmUp(warmUp));
    }
    return rate.schedule() == null ? changed : changed.schedule(LearningRateSchedule.constant());
  }

  private static GradientTrainer withOptimizer(GradientTrainer trainer, JobOptimizer settings) {
    AdamW old = trainer.optimizer();
    List<Double> betas =
        settings.betas().isEmpty() ? List.of(old.beta1(), old.beta2()) : settings.betas();
    GradientTrainer changed =
        trainer.optimizer(
            new AdamW(
                betas.get(0),
                betas.get(1),
                Objects.requireNonNullElse(settings.epsilon(), old.epsilon()),
                Objects.requireNonNullElse(settings.weightDecay(), old.weightDecay())));
    if (settings.maxGradientNorm() != null) {
      changed = changed.maxGradientNorm(settings.maxGradientNorm());
    }
    if (settings.stopStartToken() != null) {
      changed = changed.stopStartToken(settings.stopStartToken());
    }
    return settings.decayOtherRows() == null
        ? changed
        : changed.decayOtherRows(settings.decayOtherRows());
  }

  private static Lora lora(JobLora settings) {
    Lora lora = Lora.rank(settings.rank());
    if (settings.alpha() != null) {
      lora = lora.alpha(settings.alpha());
    }
    return settings.start() == null
        ? lora
        : lora.start(
            settings.start().equals("gaussian") ? Lora.Start.GAUSSIAN : Lora.Start.KAIMING);
  }

  private static WeightGroup weights(String name) {
    return switch (name) {
      case "cross-attention" -> WeightGroup.crossAttention();
      case "attention" -> WeightGroup.attention();
      case "denoiser" -> WeightGroup.denoiser();
      case "outside-cross-attention" -> WeightGroup.outsideCrossAttention();
      case "transformers" -> WeightGroup.transformers();
      case "token-embeddings" -> WeightGroup.tokenEmbeddings();
      case "first-text-layer" -> WeightGroup.firstTextLayer();
      default -> WeightGroup.crossAttentionKeyValue();
    };
  }

  private static AblationObjective objective(JobObjective settings) {
    String kind = settings.kind() == null ? JobObjective.MODEL_BASED : settings.kind();
    Trajectory trajectory = trajectory(settings.trajectory());
    AblationObjective objective =
        switch (kind) {
          case JobObjective.NOISE_BASED ->
              AblationObjective.noiseBased(weighting(settings.weighting()));
          case JobObjective.NEGATIVE_GUIDANCE -> {
            double scale = settings.scale() == null ? NEGATIVE_GUIDANCE : settings.scale();
            yield trajectory == null
                ? AblationObjective.negativeGuidance(scale)
                : AblationObjective.negativeGuidanceOnTrajectory(scale, trajectory);
          }
          case JobObjective.TO_ANCHOR -> {
            double scale = settings.scale() == null ? 1 : settings.scale();
            yield trajectory == null
                ? AblationObjective.negativeGuidanceToAnchor(scale)
                : AblationObjective.negativeGuidanceToAnchor(scale, trajectory);
          }
          case JobObjective.SEMI_PERMEABLE ->
              AblationObjective.semiPermeable(
                  settings.scale() == null ? 1 : settings.scale(),
                  Objects.requireNonNull(trajectory),
                  anchoring(settings.anchoring()));
          case JobObjective.SELF_DISTILLATION ->
              trajectory == null
                  ? AblationObjective.selfDistillation(0)
                  : AblationObjective.selfDistillation(trajectory);
          default -> {
            Teacher teacher =
                "frozen-weights".equals(settings.teacher())
                    ? Teacher.FROZEN_WEIGHTS
                    : Teacher.CURRENT_WEIGHTS;
            yield trajectory == null
                ? AblationObjective.modelBased(teacher)
                : AblationObjective.modelBasedOnTrajectory(teacher, trajectory);
          }
        };
    return settings.priorWeight() == null
        ? objective
        : objective.plus(AblationObjective.priorPreservation().times(settings.priorWeight()));
  }

  private static @Nullable Trajectory trajectory(@Nullable JobTrajectory settings) {
    if (settings == null) {
      return null;
    }
    Trajectory trajectory = Trajectory.of(settings.steps());
    if (settings.guidance() != null) {
      trajectory = trajectory.guidance(settings.guidance());
    }
    return settings.teacher() == null
        ? trajectory
        : trajectory.teacher(
            switch (settings.teacher()) {
              case "current-weights" -> Teacher.CURRENT_WEIGHTS;
              case "averaged-weights" -> Teacher.AVERAGED_WEIGHTS;
              default -> Teacher.FROZEN_WEIGHTS;
            });
  }

  private static LatentAnchoring anchoring(@Nullable JobAnchoring settings) {
    LatentAnchoring anchoring = LatentAnchoring.published();
    if (settings == null) {
      return anchoring;
    }
    if (settings.weight() != null) {
      anchoring = anchoring.weight(settings.weight());
    }
    return settings.embeddings() == null ? anchoring : anchoring.embeddings(settings.embeddings());
  }

  private static TimestepWeighting weighting(@Nullable JobWeighting settings) {
    if (settings == null || settings.value() == null) {
      return TimestepWeighting.uniform();
    }
    return settings.kind().equals("min-snr")
        ? TimestepWeighting.minSnr(settings.value())
        : TimestepWeighting.inverseSnr(settings.value());
  }

  /** The emoji model has its own captions of what stays. */
  private EmojiAblation embedded(JobClosedForm settings) {
    EmojiAblation ablation = EmbeddedTargets.of(job, null);
    return settings.isPolished()
        ? ablation.polishedClosedForm()
        : ablation.closedForm(closedForm(settings));
  }

  private static Redirection redirection(Redirection usual, @Nullable JobRedirection settings) {
    if (settings == null) {
      return usual;
    }
    Redirection redirection = usual;
    if (settings.pairs() != null) {
      redirection = redirection.pairs(settings.pairs());
    }
    JobKept kept = settings.kept();
    if (kept != null) {
      redirection =
          redirection
              .keptImages(Objects.requireNonNullElse(kept.images(), usual.keptImages()))
              .keptBatch(Objects.requireNonNullElse(kept.batchSize(), usual.keptBatch()))
              .keepWeight(Objects.requireNonNullElse(kept.weight(), usual.keepWeight()));
    }
    JobLearnedWords words = settings.words();
    if (words != null) {
      redirection =
          redirection
              .words(
                  Objects.requireNonNullElse(words.count(), usual.words()),
                  Objects.requireNonNullElse(words.placeholder(), usual.placeholder()))
              .wordSteps(Objects.requireNonNullElse(words.steps(), usual.wordSteps()))
              .learningOfWords(
                  Objects.requireNonNullElse(words.learningRate(), usual.wordRate()),
                  Objects.requireNonNullElse(words.restartEvery(), usual.restartEvery()));
    }
    JobRelearning relearning = settings.relearning();
    if (relearning != null) {
      redirection =
          redirection.relearning(
              relearning.everySteps(),
              Objects.requireNonNullElse(relearning.steps(), usual.relearnSteps()),
              Objects.requireNonNullElse(relearning.radius(), usual.relearnRadius()));
    }
    return settings.neutralPrompts().isEmpty()
        ? redirection
        : redirection.neutralPrompts(settings.neutralPrompts());
  }

  /** What stays beside what the plan preserves: the neighbours, as of the anchors' prompts. */
  private List<String> otherPrompts() throws IOException {
    Set<String> anchors = new LinkedHashSet<>(List.of(""));
    for (TargetAnchor pair : pairs()) {
      anchors.addAll(pair.anchor().prompts(pair.target()));
    }
    return preservedPrompts().stream().filter(prompt -> !anchors.contains(prompt)).toList();
  }

  /** The prompts of guidance, of the anchors, and of neighbours made of the anchors'. */
  private List<String> preservedPrompts() throws IOException {
    Set<String> prompts = new LinkedHashSet<>(List.of(""));
    for (TargetAnchor pair : pairs()) {
      for (String prompt : pair.anchor().prompts(pair.target())) {
        prompts.add(prompt);
        for (JobConcept neighbour : job.evaluation().neighbours()) {
          prompts.addAll(neighbour.prompts());
          try {
            prompts.addAll(pair.anchor().targetPrompts(concept(neighbour, firstKind(job)), prompt));
          } catch (IllegalArgumentException e) {
            LOG.debug("'{}' has no place for '{}'", prompt, neighbour, e); // others have
          }
        }
      }
    }
    return List.copyOf(prompts);
  }

  private ClosedForm closedForm(JobClosedForm settings) {
    Double preserve = settings.preserveScale();
    Double ridge = settings.ridge();
    Double erase = settings.eraseScale();
    switch (settings.kind()) {
      case "uce", "rece" -> {
        Uce uce = Uce.defaults();
        uce = erase == null ? uce : uce.eraseScale(erase);
        uce = preserve == null ? uce : uce.preserveScale(preserve);
        uce = ridge == null ? uce : uce.ridge(ridge);
        return settings.kind().equals("uce")
            ? ClosedForm.uce(uce)
            : ClosedForm.rece(Rece.defaults().rounds(1), uce);
      }
      case "orthogonal" -> {
        OrthogonalErasure erasure =
            firstKind(job) == ConceptKind.STYLE
                ? OrthogonalErasure.ofStyle()
                : OrthogonalErasure.ofInstance();
        erasure = erase == null ? erasure : erasure.eraseScale(erase);
        erasure = preserve == null ? erasure : erasure.preserveScale(preserve);
        return ClosedForm.orthogonal(ridge == null ? erasure : erasure.ridge(ridge));
      }
      default -> {
        SequenceLeastSquares squares = SequenceLeastSquares.defaults();
        squares = preserve == null ? squares : squares.preserveWeight(preserve);
        return ClosedForm.sequences(ridge == null ? squares : squares.ridge(ridge));
      }
    }
  }

  /** What is not set is the model's default. */
  static SamplingSettings sampling(JobSampling settings, SamplingSettings usual) {
    SamplingSettings sampling = usual;
    if (settings.sampler() != null) {
      sampling = sampling.sampler(sampler(settings.sampler()));
    }
    if (settings.steps() != null) {
      sampling = sampling.steps(settings.steps());
    }
    if (settings.guidanceScale() != null) {
      sampling = sampling.guidanceScale(settings.guidanceScale());
    }
    if (settings.negativePrompt() != null) {
      sampling = sampling.negativePrompt(settings.negativePrompt());
    }
    return settings.batchSize() == null ? sampling : sampling.batchSize(settings.batchSize());
  }

  static SamplingSettings sampling(JobSampling settings, DiffusionModel model) {
    return sampling(settings, SamplingSettings.defaultsFor(model));
  }

  private static Sampler sampler(String name) {
    return switch (name) {
      case "ddpm" -> Sampler.ddpm();
      case "ddim" -> Sampler.ddim();
      case "pndm" -> Sampler.pndm();
      case "dpm-solver++" -> Sampler.dpmSolverPlusPlus();
      case "euler" -> Sampler.euler();
      case "heun" -> Sampler.heun();
      case "euler-ancestral" -> Sampler.eulerAncestral();
      case "lms" -> Sampler.lms();
      case "deis" -> Sampler.deis();
      case "lcm" -> Sampler.lcm();
      case "tcd" -> Sampler.tcd();
      case "flow-match-euler" -> Sampler.flowMatchEuler();
      default -> Sampler.uniPc();
    };
  }
}
