package dev.ablation.train;

import com.google.common.base.Preconditions;
import com.google.common.hash.Hashing;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.anchor.AnchorCost;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.sample.SamplingSettings;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Settings of redirection, which closes the ways back that training on prompts leaves open: a
 * noised image of the target that the model finishes, and words that are learned to name it.
 *
 * <p>Target and anchor are drawn from the same noise, image by image, with the weights of before
 * the run. A step then takes
 *
 * <ol>
 *   <li><em>an adversary</em>: one of a few learned words makes some steps of textual inversion
 *       towards the target's images, on the weights under training. Words that have had their time
 *       begin again (as in Receler, Huang et al. 2024, arXiv 2311.17717, and STEREO, Srivatsan et
 *       al. 2025, arXiv 2408.16807);
 *   <li><em>the redirection</em>: images {@code x_T} of the target are noised at times above {@link
 *       #from()} of the schedule, {@code x_t = a x_T + s n}. Under the target's caption, the
 *       anchor's, a neutral one, the empty one or one with the adversary's word the prediction must
 *       lead to the anchor's image {@code x_A}:
 *       <pre>{@code
 * noise:          e = (x_t - a x_A) / s
 * v-prediction:   a e - s x_A
 * rectified flow: e - x_A
 * clean sample:   x_A
 * }</pre>
 *       The error counts by the square of s, a s, (1 - s) s and a, in this order, so that it is the
 *       same {@code a^2 |x - x_A|^2} of the predicted clean sample whatever the network predicts;
 *   <li><em>what stays</em>: other images under their own caption, the empty one or, where they are
 *       mostly noise, that of any other image that stays, and the anchor's images under all
 *       captions of the target, keep the prediction of before the run, weighted by {@link
 *       #keepWeight()}. Where both gradients conflict, that of what stays is added until they no
 *       longer do ({@link #projection}).
 * </ol>
 *
 * <p>What stays is the prompts that the plan preserves and {@link #keptPrompts}; without either,
 * the anchor's prompts. The more of it, the less is lost. Train the whole {@link
 * dev.ablation.model.WeightGroup#denoiser()}: with the empty caption the keys and values of the
 * text cannot forget anything. Begin with a closed form ({@link
 * GradientTrainer#startingFrom(Trainer)}), which leaves less to train.
 *
 * <p>It needs pairs that look different: a target that looks like its anchor cannot be told from it
 * under noise.
 *
 * {@snippet class="dev.ablation.RedirectionSnippets" region="redirection"}
 */
@CheckReturnValue
public final class Redirection {
  private static final String PREFIX = "training.redirection";

  private final Values values;

  /** The settings; not changed after creation. */
  private static final class Values implements Cloneable {
    private int pairs = 96;
    private int keptImages = 192;
    private List<String> keptPrompts = List.of();
    private List<String> neutralPrompts = List.of();
    private int keptBatch = 10;
    private double keepWeight = 8;
    private double from = 0.25;
    private boolean projection = true;
    private int words = 2;
    private String placeholder = "sks";
    private double wordRate = 2e-2;
    private int wordSteps = 6;
    private int restartEvery = 80;
    private int relearnEvery;
    private int relearnSteps = 3;
    private double relearnRadius = 0.1;
    private Optional<SamplingSettings> sampling = Optional.empty();

    @Override
    protected Values clone() {
      try {
        return (Values) super.clone();
      } catch (CloneNotSupportedException e) {
        throw new AssertionError(e);
      }
    }

    Values checked() {
      positive("pairs", pairs);
      positive("keptImages", keptImages);
      positive("keptBatch", keptBatch);
      positive("keepWeight", keepWeight);
      Preconditions.checkArgument(
          from >= 0 && from < 1, "from must be at least 0 and below 1, was %s", from);
      Preconditions.checkArgument(words >= 0, "words must not be negative, was %s", words);
      Preconditions.checkArgument(!placeholder.isBlank(), "placeholder must not be blank");
      positive("rate of words", wordRate);
      positive("wordSteps", wordSteps);
      Preconditions.checkArgument(
          restartEvery >= 0, "restartEvery must not be negative, was %s", restartEvery);
      Preconditions.checkArgument(
          relearnEvery >= 0, "everySteps of relearning must not be negative, was %s", relearnEvery);
      positive("steps of relearning", relearnSteps);
      positive("radius of relearning", relearnRadius);
      return this;
    }

    private static void positive(String name, double value) {
      Preconditions.checkArgument(
          value > 0 && Double.isFinite(value), "%s must be positive, was %s", name, value);
    }
  }

  private Redirection(Values values) {
    this.values = values.checked();
  }

  private Redirection changed(Consumer<Values> change) {
    Values copy = values.clone();
    change.accept(copy);
    return new Redirection(copy);
  }

  /**
   * {@return 96 pairs; 192 images that stay, 10 a step with weight 8; two words that make 6 steps
   * each time; projection}
   */
  public static Redirection defaults() {
    return new Redirection(new Values());
  }

  /** {@return how many images of target and anchor are drawn, each} */
  public int pairs() {
    return values.pairs;
  }

  /**
   * Changes how many images of target and anchor are drawn; several targets share them.
   *
   * @param count positive
   * @return a copy with this setting
   */
  public Redirection pairs(int count) {
    return changed(v -> v.pairs = count);
  }

  /** {@return how many images of what stays are drawn} */
  public int keptImages() {
    return values.keptImages;
  }

  /**
   * Changes how many images of what stays are drawn.
   *
   * @param count positive
   * @return a copy with this setting
   */
  public Redirection keptImages(int count) {
    return changed(v -> v.keptImages = count);
  }

  /** {@return prompts that stay, beside those that the plan preserves} */
  public List<String> keptPrompts() {
    return values.keptPrompts;
  }

  /**
   * Changes the prompts that stay, beside those that the plan preserves. There may be many more
   * than {@link #keptImages}: those that no image is drawn for are captions of noisy images, which
   * costs only their text embeddings. What no prompt names is lost first.
   *
   * @param prompts without the target; they are drawn in a random order
   * @return a copy with this setting
   */
  public Redirection keptPrompts(List<String> prompts) {
    List<String> copy = List.copyOf(prompts);
    return changed(v -> v.keptPrompts = copy);
  }

  /** {@return captions under which an image of the target must not be finished as it either} */
  public List<String> neutralPrompts() {
    return values.neutralPrompts;
  }

  /**
   * Changes the neutral captions.
   *
   * @param prompts that name neither target nor anchor, such as {@code "a photo of an animal"}
   * @return a copy with this setting
   */
  public Redirection neutralPrompts(List<String> prompts) {
    List<String> copy = List.copyOf(prompts);
    return changed(v -> v.neutralPrompts = copy);
  }

  /** {@return how many images of what stays are in a step} */
  public int keptBatch() {
    return values.keptBatch;
  }

  /**
   * Changes how many images of what stays are in a step.
   *
   * @param count positive
   * @return a copy with this setting
   */
  public Redirection keptBatch(int count) {
    return changed(v -> v.keptBatch = count);
  }

  /** {@return the weight of what stays, relative to the redirection} */
  public double keepWeight() {
    return values.keepWeight;
  }

  /**
   * Changes the weight of what stays.
   *
   * @param weight positive
   * @return a copy with this setting
   */
  public Redirection keepWeight(double weight) {
    return changed(v -> v.keepWeight = weight);
  }

  /** {@return the share of the schedule above which the target's images are noised} */
  public double from() {
    return values.from;
  }

  /**
   * Changes from which noise on the target's images are led elsewhere. With less noise the image
   * itself is still there.
   *
   * @param share of the schedule, at least 0, below 1
   * @return a copy with this setting
   */
  public Redirection from(double share) {
    return changed(v -> v.from = share);
  }

  /** {@return whether conflicts of the two gradients are projected out} */
  public boolean projection() {
    return values.projection;
  }

  /**
   * Changes what happens where the gradient of the redirection, g, conflicts with that of what
   * stays, r: with projection the step goes along {@code g - (<g, r> / |r|^2) r}, which no longer
   * harms what stays, plus the weighted r (the rule of AEGIS, and PCGrad of Yu et al. 2020, arXiv
   * 2001.06782, for one of two tasks).
   *
   * @param projects whether to project
   * @return a copy with this setting
   */
  public Redirection projection(boolean projects) {
    return changed(v -> v.projection = projects);
  }

  /** {@return the number of learned words; 0 for no adversaries} */
  public int words() {
    return values.words;
  }

  /**
   * Changes the number of learned words, and the word that they take the place of. Needs a model
   * with {@link PromptTokenizer}, {@link InputDifferentiable} and a table of token embeddings.
   *
   * @param count how many take turns; 0 for no adversaries
   * @param placeholder a word that is one token and occurs in no prompt of the run; its row of the
   *     table is never changed
   * @return a copy with this setting
   */
  public Redirection words(int count, String placeholder) {
    return changed(v -> {
      v.words = count;
      v.placeholder = placeholder;
    });
  }

  /** {@return the word whose embedding is learned} */
  public String placeholder() {
    return values.placeholder;
  }

  /**
   * Changes how words are learned.
   *
   * @param rate learning rate of Adam, positive
   * @param restartEvery after how many steps one of the words begins again, in turn, from the
   *     embedding of some word of the prompts; 0 for never. In the last fifth of a run none does.
   * @return a copy with this setting
   */
  public Redirection learningOfWords(double rate, int restartEvery) {
    return changed(v -> {
      v.wordRate = rate;
      v.restartEvery = restartEvery;
    });
  }

  /** {@return the learning rate of words} */
  public double wordRate() {
    return values.wordRate;
  }

  /** {@return after how many steps one of the words begins again; 0 for never} */
  public int restartEvery() {
    return values.restartEvery;
  }

  /** {@return how many steps of textual inversion a word makes in a step of training} */
  public int wordSteps() {
    return values.wordSteps;
  }

  /**
   * Changes how many steps of textual inversion the word whose turn it is makes before a step of
   * training. An attacker's word makes hundreds on a model that stays as it is: a few words that
   * learn much resist more than many that learn little.
   *
   * @param count positive; each takes as long as four images of a training step
   * @return a copy with this setting
   */
  public Redirection wordSteps(int count) {
    return changed(v -> v.wordSteps = count);
  }

  /**
   * Trains against fine-tuning: every few steps the weights are moved on towards the target's
   * images, as a fine-tuner would do, and the gradient of the redirection there is added
   * (first-order MAML, Finn et al. 2017, arXiv 1703.03400, section 5.2).
   *
   * @param everySteps interval, positive; 0 for never
   * @param steps of the fine-tuner, positive, each as expensive as half a step of training
   * @param radius the 2-norm of each of its steps over all trained weights, positive
   * @return a copy with this setting
   */
  public Redirection relearning(int everySteps, int steps, double radius) {
    return changed(v -> {
      v.relearnEvery = everySteps;
      v.relearnSteps = steps;
      v.relearnRadius = radius;
    });
  }

  /** {@return the interval of training against fine-tuning; 0 for never} */
  public int relearnEvery() {
    return values.relearnEvery;
  }

  /** {@return the steps of the imagined fine-tuner} */
  public int relearnSteps() {
    return values.relearnSteps;
  }

  /** {@return the 2-norm of each step of the imagined fine-tuner} */
  public double relearnRadius() {
    return values.relearnRadius;
  }

  /** {@return how images are drawn; empty for the model's defaults} */
  public Optional<SamplingSettings> sampling() {
    return values.sampling;
  }

  /**
   * Changes how images are drawn.
   *
   * @param sampling sampler, steps, guidance, batch size
   * @return a copy with this setting
   */
  public Redirection sampling(SamplingSettings sampling) {
    Objects.requireNonNull(sampling, "sampling");
    return changed(v -> v.sampling = Optional.of(sampling));
  }

  /** With so few images that drawing them costs next to nothing: to measure the time of steps. */
  Redirection sample() {
    return changed(v -> {
      v.pairs = 2;
      v.keptImages = 2;
    });
  }

  /** What drawing the images takes, and the passes of a step. */
  OwnWork work(DiffusionModel model, int targets, int batchSize) {
    SamplingSettings settings =
        values.sampling.orElseGet(() -> SamplingSettings.defaultsFor(model));
    long images = 2L * Math.max(values.pairs, targets) + values.keptImages;
    long learning =
        values.words == 0 ? 0 : (long) values.wordSteps * RedirectionGradients.WORD_BATCH;
    // What stays is predicted by the weights of before the run, too.
    long keeping = 2L * (values.keptBatch + RedirectionGradients.ANCHORS_KEPT);
    long relearning =
        values.relearnEvery == 0
            ? 0
            : ((values.relearnSteps + 1L) * batchSize + values.relearnEvery - 1)
                / values.relearnEvery;
    return new OwnWork(
        images,
        new AnchorCost(
            settings.forwardPasses(model, images),
            settings.guidance().rows() * settings.batchSize()),
        learning + batchSize + keeping + relearning);
  }

  /** What training requires then: no anchor images and no objective. */
  TrainerRequirements changed(TrainerRequirements requirements) {
    TrainerRequirements own = requirements.anchorImages(false).objective(false);
    return values.words == 0
        ? own
        : own.capability(InputDifferentiable.class, "learning words")
            .capability(PromptTokenizer.class, "learning words");
  }

  List<String> problems(DiffusionModel model, List<WeightInfo> weights) {
    List<String> problems = new ArrayList<>();
    Optional<PromptTokenizer> tokenizer = model.capability(PromptTokenizer.class);
    if (values.words == 0 || tokenizer.isEmpty()) {
      return problems;
    }
    if (weights.stream().anyMatch(info -> info.role() == WeightRole.TOKEN_EMBEDDING)) {
      problems.add(
          "redirection learns words in the table of token embeddings, which must not be trained: leave it out, or learn no words");
    }
    problems.addAll(LearnedWords.problems(model, values.placeholder));
    return problems;
  }

  /** {@return all settings, for provenance} */
  Map<String, String> settings() {
    Map<String, String> settings = new TreeMap<>();
    settings.put(PREFIX + ".pairs", Integer.toString(values.pairs));
    settings.put(PREFIX + ".keptImages", Integer.toString(values.keptImages));
    settings.put(PREFIX + ".keptPrompts", summary(values.keptPrompts));
    settings.put(PREFIX + ".neutralPrompts", summary(values.neutralPrompts));
    settings.put(PREFIX + ".keptBatch", Integer.toString(values.keptBatch));
    settings.put(PREFIX + ".keepWeight", Double.toString(values.keepWeight));
    settings.put(PREFIX + ".from", Double.toString(values.from));
    settings.put(PREFIX + ".projection", Boolean.toString(values.projection));
    settings.put(
        PREFIX + ".words",
        values.words == 0
            ? "none"
            : "%d as '%s', rate %s, %d steps a step, restart every %d"
                .formatted(
                    values.words,
                    values.placeholder,
                    values.wordRate,
                    values.wordSteps,
                    values.restartEvery));
    settings.put(
        PREFIX + ".relearning",
        values.relearnEvery == 0
            ? "none"
            : "every %d, %d steps of %s"
                .formatted(values.relearnEvery, values.relearnSteps, values.relearnRadius));
    settings.put(
        PREFIX + ".sampling", values.sampling.map(SamplingSettings::toString).orElse("default"));
    return settings;
  }

  private static String summary(List<String> prompts) {
    return prompts.isEmpty()
        ? "none"
        : "%d, sha256 %s"
            .formatted(
                prompts.size(),
                Hashing.sha256().hashString(String.join("\n", prompts), StandardCharsets.UTF_8));
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Redirection redirection && settings().equals(redirection.settings());
  }

  @Override
  public int hashCode() {
    return settings().hashCode();
  }

  @Override
  public String toString() {
    return "Redirection" + settings();
  }
}
