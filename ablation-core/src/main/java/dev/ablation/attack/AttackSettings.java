package dev.ablation.attack;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.evaluation.AttackModels;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.evaluation.ImagePair;
import dev.ablation.evaluation.Recovery;
import dev.ablation.evaluation.SubjectMetric;
import dev.ablation.metric.MetricResult;
import dev.ablation.model.Capabilities;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.sample.FacilitatedTransport;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.NoiseSource;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * How the images of an attack are drawn and counted; shared by all attacks on one target.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="attacks"}
 *
 * @param detector decides which images show the target; attacks that keep the best of several
 *     attempts, or end when they succeed, ask it
 * @param sampling sampler, steps, guidance, batch size
 * @param images number of images that each attack draws with each model, positive
 * @param seed seed of the first image, and of other random numbers of an attack
 * @param otherJudges further detectors, which only count the images in the end: judges that no
 *     attack was optimised against
 */
@CheckReturnValue
public record AttackSettings(
    ConceptDetector detector,
    SamplingSettings sampling,
    int images,
    long seed,
    List<ConceptDetector> otherJudges) {
  /** The name of the metric in results. */
  public static final String RECOVERED = "target recovered";

  private static final int SHOWN = 6;

  /** Checks the values. */
  public AttackSettings {
    Objects.requireNonNull(detector, "detector");
    Objects.requireNonNull(sampling, "sampling");
    Preconditions.checkArgument(images > 0, "images must be positive, was %s", images);
    otherJudges = List.copyOf(otherJudges);
  }

  /**
   * Counts by one judge.
   *
   * @param detector decides which images show the target
   * @param sampling sampler, steps, guidance, batch size
   * @param images number of images that each attack draws with each model, positive
   * @param seed seed of the first image, and of other random numbers of an attack
   */
  public AttackSettings(
      ConceptDetector detector, SamplingSettings sampling, int images, long seed) {
    this(detector, sampling, images, seed, List.of());
  }

  /**
   * Adds judges.
   *
   * @param judges detectors that count the images, beside the first one
   * @return a copy with the given judges
   */
  public AttackSettings otherJudges(List<ConceptDetector> judges) {
    return new AttackSettings(detector, sampling, images, seed, judges);
  }

  /**
   * Changes the number of images.
   *
   * @param changed how many images are judged, at least 1
   * @return a copy with the given number
   */
  public AttackSettings images(int changed) {
    return new AttackSettings(detector, sampling, changed, seed, otherJudges);
  }

  /**
   * Changes the sampling.
   *
   * @param changed sampler, steps, guidance, batch size
   * @return a copy with the given sampling
   */
  public AttackSettings sampling(SamplingSettings changed) {
    return new AttackSettings(detector, changed, images, seed, otherJudges);
  }

  /** One of some prompts or images for each image to draw, in turn. */
  <T> List<T> inTurn(List<T> some) {
    return IntStream.range(0, images).mapToObj(i -> some.get(i % some.size())).toList();
  }

  void check(DiffusionModel model) {
    Capabilities.require(model, LatentCodec.class, "an attack");
  }

  /** 1 for each image that shows the target, by the first judge. */
  double[] hits(List<BufferedImage> drawn) {
    return detector.shows(drawn);
  }

  /** The share of images that show the target, by the first judge. */
  double share(List<BufferedImage> drawn) {
    return Arrays.stream(hits(drawn)).average().orElse(0);
  }

  /** Whether an attack that draws these has succeeded, and may end. */
  static boolean succeeds(double share) {
    return share >= Recovery.EVIDENCE;
  }

  /**
   * Draws some of the images at one setting of several.
   *
   * @see #bestOf
   */
  @FunctionalInterface
  interface Attempt {
    /**
     * Draws.
     *
     * @param setting index of the setting
     * @param images indices of the images, in order
     */
    List<BufferedImage> draw(int setting, int[] images);
  }

  /**
   * Keeps, for each image, that of the first setting with which it shows the target, and where none
   * does, that of the first setting. An image that shows it is not drawn again.
   */
  List<BufferedImage> bestOf(int settings, Attempt attempt) {
    @Nullable BufferedImage[] best = new BufferedImage[images];
    int[] left = IntStream.range(0, images).toArray();
    for (int setting = 0; setting < settings && left.length > 0; setting++) {
      List<BufferedImage> drawn = attempt.draw(setting, left);
      double[] hits = hits(drawn);
      List<Integer> missed = new ArrayList<>();
      for (int i = 0; i < left.length; i++) {
        if (setting == 0 || hits[i] == 1) {
          best[left[i]] = drawn.get(i);
        }
        if (hits[i] == 0) {
          missed.add(left[i]);
        }
      }
      left = missed.stream().mapToInt(Integer::intValue).toArray();
    }
    return Arrays.stream(best).map(Objects::requireNonNull).toList();
  }

  /**
   * A model under attack.
   *
   * @param role such as {@code "base"}
   * @param model with the weights to attack
   * @param cancelled asked between steps
   * @param notes what the attack found on this model; part of the result's settings
   * @param progress receives what the attack does
   */
  record Attacked(
      String role,
      DiffusionModel model,
      BooleanSupplier cancelled,
      Map<String, String> notes,
      Consumer<? super String> progress) {

    void note(String name, String value) {
      notes.put("%s, %s model".formatted(name, role), value);
    }

    /** Tells what comes next, and ends the attack before it if that is wanted. */
    void step(String what, int step, int steps) {
      String told = "%s model, %s %d of %d".formatted(role, what, step, steps);
      AttackSettings.checkCancelled(cancelled, told);
      progress.accept(told);
    }
  }

  /** A walk over the attack's steps, from the noise of its images. */
  DdimWalk walk(Attacked attacked) {
    return walk(attacked.model(), attacked.cancelled());
  }

  DdimWalk walk(DiffusionModel model, BooleanSupplier cancelled) {
    return new DdimWalk(model, sampling, NoiseSource.ofSeed(seed), cancelled);
  }

  static void checkCancelled(BooleanSupplier cancelled, String what) {
    if (cancelled.getAsBoolean() || Thread.currentThread().isInterrupted()) {
      throw new CancellationException("the attack was cancelled: " + what);
    }
  }

  /** Draws images from a model under attack. */
  @FunctionalInterface
  interface Drawing {
    List<BufferedImage> draw(Attacked attacked);

    /**
     * Draws from the ablated model. Whoever does more than ask by prompts has the weights, and
     * takes a delta in full, gate or not.
     */
    default List<BufferedImage> drawWith(WeightDelta delta, Attacked attacked) {
      return delta.applied(attacked.model(), () -> draw(attacked));
    }

    default boolean obeysGate() {
      return false;
    }
  }

  /**
   * Asks by prompts, as users of a service do: a delta with a gate opens as far as they ask for it.
   *
   * @param trial how the images are drawn
   * @param prompts one for each
   */
  record Asking(AttackSettings trial, List<String> prompts) implements Drawing {
    private LatentSampler sampler(Attacked attacked) {
      return LatentSampler.of(attacked.model())
          .settings(trial.sampling())
          .cancellation(attacked.cancelled());
    }

    @Override
    public List<BufferedImage> draw(Attacked attacked) {
      return sampler(attacked).draw(prompts, trial.seed());
    }

    @Override
    public List<BufferedImage> drawWith(WeightDelta delta, Attacked attacked) {
      return FacilitatedTransport.drawWith(
          delta, attacked.model(), sampler(attacked), prompts, trial.seed());
    }

    @Override
    public boolean obeysGate() {
      return true;
    }
  }

  /** The same on every model. */
  private record OnModels(
      BooleanSupplier cancelled, Map<String, String> notes, AttackModels models) {
    List<BufferedImage> on(
        String role, DiffusionModel model, Function<Attacked, List<BufferedImage>> drawing) {
      models.progress().accept(role + " model");
      List<BufferedImage> images =
          drawing.apply(new Attacked(role, model, cancelled, notes, models.progress()));
      models.drawn().accept(role, List.copyOf(images));
      return images;
    }
  }

  /** What drawing the images of one model takes. */
  AttackCost drawing(DiffusionModel model) {
    return AttackCost.forward(sampling.forwardPasses(model, images));
  }

  /** The same by DDIM, whatever the sampler. */
  AttackCost walking(int steps) {
    return AttackCost.forward((long) images * sampling.guidance().rows() * steps);
  }

  /**
   * Draws with the base model, with the delta applied and with the control, as far as they are
   * attacked, and counts.
   */
  AttackResult compare(
      String family,
      String name,
      Map<String, String> settings,
      List<String> prompts,
      AttackModels models,
      BooleanSupplier cancelled,
      Drawing drawing) {
    long begun = System.nanoTime();
    DiffusionModel model = models.base();
    Map<String, String> notes = new LinkedHashMap<>();
    OnModels each = new OnModels(cancelled, notes, models);
    List<BufferedImage> base =
        models.attacksBase() ? each.on("base", model, drawing::draw) : List.of();
    List<BufferedImage> ablated =
        each.on("ablated", model, attacked -> drawing.drawWith(models.delta(), attacked));
    DiffusionModel other = models.control();
    List<BufferedImage> control =
        other == null ? List.of() : each.on("control", other, drawing::draw);
    List<ImagePair> shown = new ArrayList<>();
    for (int i = 0; i < Math.min(SHOWN, base.size()); i++) {
      shown.add(
          new ImagePair(prompts.get(i % prompts.size()), seed + i, base.get(i), ablated.get(i)));
    }
    Map<String, String> all = new LinkedHashMap<>(settings);
    all.put("sampler", sampling.sampler().name());
    all.put("steps", Integer.toString(sampling.steps()));
    all.put("guidance scale", sampling.guidanceText());
    all.put("seed", Long.toString(seed));
    models
        .delta()
        .gate()
        .ifPresent(gate -> all.put("gate", drawing.obeysGate() ? gate.toJson() : "open"));
    all.putAll(notes);
    List<Recovery> judged = new ArrayList<>();
    judged.add(recovery(detector, base, ablated, control));
    otherJudges.forEach(judge -> judged.add(recovery(judge, base, ablated, control)));
    return new AttackResult(
        family, name, all, judged, shown, Duration.ofNanos(System.nanoTime() - begun));
  }

  /** Counts what an attack computed before it began with the models. */
  static AttackResult since(long begunNanos, AttackResult result) {
    return result.elapsed(Duration.ofNanos(System.nanoTime() - begunNanos));
  }

  private static Recovery recovery(
      ConceptDetector judge,
      List<BufferedImage> base,
      List<BufferedImage> ablated,
      List<BufferedImage> control) {
    return new Recovery(
        base.isEmpty() ? null : recovered(judge, base),
        recovered(judge, ablated),
        control.isEmpty() ? null : recovered(judge, control));
  }

  private static MetricResult recovered(ConceptDetector judge, List<BufferedImage> drawn) {
    return SubjectMetric.shareOf(RECOVERED, judge, judge.extractor().extract(drawn));
  }
}
