package dev.ablation.memorized;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.anchor.AnchorContext;
import dev.ablation.anchor.AnchorCost;
import dev.ablation.anchor.AnchorDefaults;
import dev.ablation.anchor.AnchorJudge;
import dev.ablation.anchor.AnchorJudgement;
import dev.ablation.anchor.AnchorJudgement.OfPrompt;
import dev.ablation.anchor.AnchorSet;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.ForwardingAnchorContext;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.anchor.TooFewAnchorsException;
import dev.ablation.concept.Concept;
import dev.ablation.metric.CopyDetection;
import dev.ablation.metric.CopyScores;
import dev.ablation.model.Capabilities;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Anchor images that the model generates, without copies of a memorized image. A copy is dropped
 * and its prompt is used again with other noise. If copies remain after the given number of rounds,
 * the run continues with fewer images and warns.
 *
 * @param generated settings for generating the images
 * @param detection detects copies
 * @param originals the memorized image, possibly in several variants; at least one
 * @param rounds how often dropped images are generated again, not negative
 */
@CheckReturnValue
public record CopyFreeAnchors(
    GeneratedAnchors generated, CopyDetection detection, List<BufferedImage> originals, int rounds)
    implements AnchorStrategy {
  /** With a copy rate of 0.3, one image in 400 is still a copy after five attempts. */
  static final int ROUNDS = 4;

  /** Checks the originals and the number of rounds. */
  public CopyFreeAnchors {
    Objects.requireNonNull(generated, "generated");
    Objects.requireNonNull(detection, "detection");
    originals = Originals.checked(originals);
    Preconditions.checkArgument(rounds >= 0, "rounds must not be negative, was %s", rounds);
  }

  private CopyFreeAnchors with(GeneratedAnchors generated) {
    return new CopyFreeAnchors(generated, detection, originals, rounds);
  }

  /**
   * Changes how often dropped images are generated again.
   *
   * @param rounds number of rounds, not negative; with 0, copies are only dropped
   * @return a copy with the given number of rounds
   */
  public CopyFreeAnchors rounds(int rounds) {
    return new CopyFreeAnchors(generated, detection, originals, rounds);
  }

  /**
   * Changes the number of images.
   *
   * @param images number of images, positive
   * @return a copy with the given number of images
   */
  public CopyFreeAnchors images(int images) {
    return with(generated.images(images));
  }

  /**
   * Changes how the images are generated.
   *
   * @param sampling sampler, steps, guidance, negative prompt, batch size
   * @return a copy with the given sampling settings
   */
  public CopyFreeAnchors sampling(SamplingSettings sampling) {
    return with(generated.sampling(sampling));
  }

  /**
   * Caches generated latents in a folder, see {@link GeneratedAnchors#cachedIn}.
   *
   * @param folder the folder; created if it does not exist
   * @return a copy with the given cache folder
   */
  public CopyFreeAnchors cachedIn(Path folder) {
    return with(generated.cachedIn(folder));
  }

  @Override
  public String name() {
    return generated.name();
  }

  @Override
  public List<String> prompts(Concept target) {
    return generated.prompts(target);
  }

  @Override
  public CopyFreeAnchors compatibleWith(DiffusionModel model, Concept target) {
    return with(generated.compatibleWith(model, target));
  }

  @Override
  public CopyFreeAnchors withDefaults(Concept target, AnchorDefaults defaults) {
    return with(generated.withDefaults(target, defaults));
  }

  @Override
  public CopyFreeAnchors excludingPrompts(Concept target, Set<String> prompts) {
    return with(generated.excludingPrompts(target, prompts));
  }

  @Override
  public CopyFreeAnchors sample(Concept target, int images) {
    return with(generated.sample(target, images));
  }

  @Override
  public int images() {
    return generated.images();
  }

  @Override
  public String targetPrompt(Concept target, String anchorPrompt, RandomGenerator random) {
    return generated.targetPrompt(target, anchorPrompt, random);
  }

  @Override
  public List<String> targetPrompts(Concept target, String anchorPrompt) {
    return generated.targetPrompts(target, anchorPrompt);
  }

  /** Does not count repeated images, since their number is not known in advance. */
  @Override
  public AnchorCost cost(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    return generated.cost(model, target, context);
  }

  @Override
  public Map<String, String> settings(Concept target) {
    Map<String, String> settings = new TreeMap<>(generated.settings(target));
    settings.put("anchor.copies.extractor", detection.extractor().info().name());
    settings.put("anchor.copies.extractor.sha256", detection.extractor().info().sha256());
    settings.put("anchor.copies.threshold", Double.toString(detection.threshold()));
    settings.put("anchor.copies.originals.sha256", Originals.sha256(originals));
    settings.put("anchor.copies.rounds", Integer.toString(rounds));
    return settings;
  }

  @Override
  public Optional<AnchorJudgement> judgement(
      DiffusionModel model, Concept target, AnchorContext context) throws IOException {
    AnchorJudge judge =
        AnchorJudge.of(judgeName(), image -> detection.score(List.of(image), originals).isCopy(0));
    return generated.judgedBy(judge).judgement(model, target, context);
  }

  private String judgeName() {
    return "copy by %s > %s".formatted(detection.extractor().info().name(), detection.threshold());
  }

  @Override
  public AnchorSet prepare(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    LatentCodec codec = Capabilities.require(model, LatentCodec.class, "detecting copies");
    Sieve sieve = new Sieve(codec, context);
    try {
      sieve.add(generated.prepare(model, target, context));
      int dropped = sieve.dropped.size();
      context.note(
          "anchor.showsTarget",
          String.format(Locale.ROOT, "%.4f", (double) dropped / generated.images()));
      context.note("anchor.dropped", Integer.toString(dropped));
      for (int round = 1; round <= rounds && !sieve.dropped.isEmpty(); round++) {
        List<String> again = List.copyOf(sieve.dropped);
        sieve.add(
            generated
                .prompts(again)
                .images(again.size())
                .prepare(model, target, new OfRound(context, round)));
      }
      int left = sieve.dropped.size();
      context.note("anchor.replaced", Integer.toString(dropped - left));
      AnchorSet kept = sieve.kept;
      if (kept == null) {
        throw new TooFewAnchorsException(name(), 0, 1, sieve.judgement());
      }
      if (left > 0) {
        context.warn(
            "%d of %d anchor images are still copies of the memorized image after %d more attempts; training uses the other %d"
                .formatted(left, generated.images(), rounds, kept.size()));
      }
      return kept;
    } catch (IOException | RuntimeException | Error e) {
      sieve.close();
      throw e;
    }
  }

  /** Drops copies and keeps all other images. */
  private final class Sieve {
    private final LatentCodec codec;
    private final AnchorContext context;
    private final Map<String, int[]> counts = new LinkedHashMap<>();

    /** Prompts of the missing images. */
    private final List<String> dropped = new ArrayList<>();

    private @Nullable AnchorSet kept;

    Sieve(LatentCodec codec, AnchorContext context) {
      this.codec = codec;
      this.context = context;
    }

    /** Adds a set that replaces dropped images; it is closed with the kept ones. */
    void add(AnchorSet drawn) {
      dropped.clear();
      int[] rows;
      try {
        rows = sift(drawn);
      } catch (RuntimeException | Error e) {
        drawn.close();
        throw e;
      }
      if (rows.length == 0) {
        drawn.close();
        return;
      }
      AnchorSet good = rows.length == drawn.size() ? drawn : drawn.select(rows);
      kept = kept == null ? good : kept.join(good);
    }

    private int[] sift(AnchorSet drawn) {
      List<Integer> rows = new ArrayList<>();
      int batch = generated.sampling().batchSize();
      for (int first = 0; first < drawn.size(); first += batch) {
        if (context.cancelled()) {
          throw new CancellationException("the search for copies was cancelled");
        }
        List<BufferedImage> images = new ArrayList<>();
        for (int row = first; row < Math.min(drawn.size(), first + batch); row++) {
          images.add(drawn.image(row, codec));
        }
        CopyScores scores = detection.score(images, originals);
        for (int i = 0; i < images.size(); i++) {
          String prompt = drawn.prompts().get(first + i);
          int[] count = counts.computeIfAbsent(prompt, p -> new int[2]);
          count[0]++;
          if (scores.isCopy(i)) {
            count[1]++;
            dropped.add(prompt);
          } else {
            rows.add(first + i);
          }
        }
      }
      return rows.stream().mapToInt(row -> row).toArray();
    }

    AnchorJudgement judgement() {
      List<OfPrompt> prompts = new ArrayList<>();
      counts.forEach((prompt, count) -> prompts.add(new OfPrompt(prompt, count[0], count[1])));
      return new AnchorJudgement(judgeName(), prompts);
    }

    void close() {
      AnchorSet open = kept;
      if (open != null) {
        open.close();
      }
    }
  }

  /** The context of a further round: other noise, and no more progress. */
  private static final class OfRound extends ForwardingAnchorContext {
    private final int round;

    OfRound(AnchorContext run, int round) {
      super(run);
      this.round = round;
    }

    @Override
    public long seed() {
      return RandomStreams.seed(super.seed(), "anchors.again", round);
    }

    /** The first round has reported all progress; further rounds report none. */
    @Override
    public void progress(long done, long total, boolean fromCache) {}
  }
}
