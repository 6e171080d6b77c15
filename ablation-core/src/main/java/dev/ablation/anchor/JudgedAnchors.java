package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import dev.ablation.anchor.AnchorJudgement.OfPrompt;
import dev.ablation.augment.Augmentation;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
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
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Anchors with a judge, from {@link AnchorStrategy#judgedBy}. By default it judges a sample of the
 * images, and the run warns if too many show the target. It can also drop the prompts that lead to
 * the target, or the images that show it.
 *
 * <p>With the model-based objective the prompts matter: the teacher's prediction for an anchor
 * prompt leads to the target even if the training image shows something else. With the noise-based
 * objective the images matter.
 *
 * <p>To avoid selection bias, the images are split by prompt. The first, third, fifth ... image of
 * each prompt decide whether the prompt is dropped; the others measure how often the remaining
 * prompts show the target.
 *
 * @param anchor the images
 * @param judge judges the images
 * @param sampleSize number of images to judge if none is dropped, positive
 * @param warnAbove the run warns if a larger share shows the target, 0 to 1
 * @param dropping what is dropped
 * @param leadsAbove a prompt leads to the target if a larger share of its images shows it, 0 to 1
 * @param atLeast minimum number of remaining images, positive
 * @param spare source of replacements for dropped images; {@code null} to continue with fewer
 */
public record JudgedAnchors(
    AnchorStrategy anchor,
    AnchorJudge judge,
    int sampleSize,
    double warnAbove,
    Dropping dropping,
    double leadsAbove,
    int atLeast,
    @Nullable AnchorStrategy spare)
    implements AnchorStrategy {
  private static final int PROMPTS_IN_A_WARNING = 3;

  /** What to drop. */
  public enum Dropping {
    /** Drop nothing. */
    NOTHING,
    /** Drop prompts that lead to the target, with all of their images. */
    PROMPTS,
    /** Drop images that show the target. */
    IMAGES
  }

  /** Checks the ranges. */
  public JudgedAnchors {
    Objects.requireNonNull(anchor, "anchor");
    Objects.requireNonNull(judge, "judge");
    Objects.requireNonNull(dropping, "dropping");
    Preconditions.checkArgument(sampleSize > 0, "sampleSize must be positive, was %s", sampleSize);
    Preconditions.checkArgument(
        warnAbove >= 0 && warnAbove <= 1, "warnAbove must be from 0 to 1, was %s", warnAbove);
    Preconditions.checkArgument(
        leadsAbove >= 0 && leadsAbove <= 1, "leadsAbove must be from 0 to 1, was %s", leadsAbove);
    Preconditions.checkArgument(atLeast > 0, "atLeast must be positive, was %s", atLeast);
  }

  static JudgedAnchors of(AnchorStrategy anchor, AnchorJudge judge) {
    return new JudgedAnchors(anchor, judge, 64, 0.05, Dropping.NOTHING, 0, 1, null);
  }

  /**
   * Changes the number of images to judge.
   *
   * @param sampleSize number of images, positive
   * @return a copy with the given sample size
   */
  public JudgedAnchors sampleSize(int sampleSize) {
    return new JudgedAnchors(
        anchor, judge, sampleSize, warnAbove, dropping, leadsAbove, atLeast, spare);
  }

  /**
   * Changes the share above which the run warns.
   *
   * @param share 0 to 1
   * @return a copy with the given share
   */
  public JudgedAnchors warnAbove(double share) {
    return new JudgedAnchors(
        anchor, judge, sampleSize, share, dropping, leadsAbove, atLeast, spare);
  }

  /**
   * Drops every prompt for which at least one judged image shows the target.
   *
   * @return a copy that drops these prompts
   */
  public JudgedAnchors dropLeading() {
    return dropLeading(0);
  }

  /**
   * Drops prompts that lead to the target.
   *
   * @param above a prompt leads to the target if a larger share of its images shows it, 0 to 1
   * @return a copy that drops these prompts
   */
  public JudgedAnchors dropLeading(double above) {
    return new JudgedAnchors(
        anchor, judge, sampleSize, warnAbove, Dropping.PROMPTS, above, atLeast, spare);
  }

  /**
   * Drops images that show the target and keeps their prompts.
   *
   * @return a copy that drops these images
   */
  public JudgedAnchors dropImages() {
    return new JudgedAnchors(
        anchor, judge, sampleSize, warnAbove, Dropping.IMAGES, leadsAbove, atLeast, spare);
  }

  /**
   * Replaces dropped images by images of other prompts, which are judged in the same way. If there
   * are too few, the run continues with fewer images and warns.
   *
   * @param more strategy for the replacements; used only if images are dropped
   * @return a copy with the given replacements
   */
  public JudgedAnchors replacedFrom(AnchorStrategy more) {
    Objects.requireNonNull(more, "more");
    return new JudgedAnchors(
        anchor, judge, sampleSize, warnAbove, dropping, leadsAbove, atLeast, more);
  }

  /**
   * Changes how many images must remain.
   *
   * @param images minimum number of images, positive
   * @return a copy with the given minimum
   */
  public JudgedAnchors atLeast(int images) {
    return new JudgedAnchors(
        anchor, judge, sampleSize, warnAbove, dropping, leadsAbove, images, spare);
  }

  @Override
  public String name() {
    return anchor.name();
  }

  @Override
  public JudgedAnchors withDefaults(Concept target, AnchorDefaults defaults) {
    return new JudgedAnchors(
        anchor.withDefaults(target, defaults),
        judge,
        sampleSize,
        warnAbove,
        dropping,
        leadsAbove,
        atLeast,
        spare == null ? null : spare.withDefaults(target, defaults));
  }

  @Override
  public JudgedAnchors compatibleWith(DiffusionModel model, Concept target) {
    return new JudgedAnchors(
        anchor.compatibleWith(model, target),
        judge,
        sampleSize,
        warnAbove,
        dropping,
        leadsAbove,
        atLeast,
        spare == null ? null : spare.compatibleWith(model, target));
  }

  @Override
  public List<String> prompts(Concept target) {
    List<String> prompts = new ArrayList<>(anchor.prompts(target));
    if (spare != null) {
      prompts.addAll(spare.prompts(target));
    }
    return prompts.stream().distinct().toList();
  }

  @Override
  public String targetPrompt(Concept target, String anchorPrompt, RandomGenerator random) {
    return of(target, anchorPrompt).targetPrompt(target, anchorPrompt, random);
  }

  @Override
  public List<String> targetPrompts(Concept target, String anchorPrompt) {
    return of(target, anchorPrompt).targetPrompts(target, anchorPrompt);
  }

  /** The strategy to which a prompt belongs. */
  private AnchorStrategy of(Concept target, String anchorPrompt) {
    return spare == null || anchor.prompts(target).contains(anchorPrompt) ? anchor : spare;
  }

  /** Does not count spare images, since they may not be needed. */
  @Override
  public AnchorCost work(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    return anchor.work(model, target, context);
  }

  @Override
  public int images() {
    return anchor.images();
  }

  @Override
  public Optional<Augmentation> augmentation() {
    return anchor.augmentation();
  }

  @Override
  public AnchorStrategy sample(Concept target, int images) {
    return anchor.sample(target, images);
  }

  @Override
  public Map<String, String> settings(Concept target) {
    Map<String, String> settings = new TreeMap<>(anchor.settings(target));
    settings.put("anchor.judge", judge.name());
    settings.put("anchor.judge.dropping", dropping.name());
    if (dropping == Dropping.NOTHING) {
      settings.put("anchor.judge.sampleSize", Integer.toString(sampleSize));
    } else {
      settings.put("anchor.judge.atLeast", Integer.toString(atLeast));
    }
    if (dropping == Dropping.PROMPTS) {
      settings.put("anchor.judge.leadsAbove", Double.toString(leadsAbove));
    }
    if (spare != null) {
      spare
          .settings(target)
          .forEach((name, value) ->
              settings.put(name.replaceFirst("^anchor\\.", "anchor.spare."), value));
    }
    return settings;
  }

  @Override
  public Optional<AnchorJudgement> judgement(
      DiffusionModel model, Concept target, AnchorContext context) throws IOException {
    try (AnchorSet few = anchor.sample(target, sampleSize).prepare(model, target, context)) {
      Judgements judgements = new Judgements(few, AugmentedSource.codec(model), context);
      return Optional.of(judgements.judgement(sampleRows(few.size())));
    }
  }

  private interface Preparing {
    AnchorSet of(AnchorStrategy strategy) throws IOException;
  }

  @Override
  public AnchorSet prepare(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    return judged(strategy -> strategy.prepare(model, target, context), model, context);
  }

  @Override
  public AnchorSet prepare(
      DiffusionModel model, Concept target, AnchorContext context, Augmentation augmentation)
      throws IOException {
    return judged(
        strategy -> strategy.prepare(model, target, context, augmentation), model, context);
  }

  private AnchorSet judged(Preparing preparing, DiffusionModel model, AnchorContext context)
      throws IOException {
    LatentCodec codec = AugmentedSource.codec(model);
    AnchorSet set = preparing.of(anchor);
    try {
      return dropping == Dropping.NOTHING
          ? judgedSample(set, codec, context)
          : withoutDropped(set, preparing, codec, context);
    } catch (IOException | RuntimeException e) {
      set.close();
      throw e;
    }
  }

  private AnchorSet judgedSample(AnchorSet set, LatentCodec codec, AnchorContext context) {
    AnchorJudgement seen = new Judgements(set, codec, context).judgement(sampleRows(set.size()));
    note(seen, "anchor.showsTarget", context);
    warn(seen, context);
    return set;
  }

  private AnchorSet withoutDropped(
      AnchorSet set, Preparing preparing, LatentCodec codec, AnchorContext context)
      throws IOException {
    Selection first = selection(set, codec, context);
    note(first.before(), "anchor.showsTarget", context);
    int missing = set.size() - first.kept().length;
    context.note("anchor.dropped", Integer.toString(missing));
    if (spare == null || missing == 0) {
      check(first.kept().length, first.before());
      report(first.after(), context);
      return set.select(first.kept());
    }
    AnchorSet more = preparing.of(spare);
    try {
      Selection second = selection(more, codec, context);
      int[] added = IntStream.of(second.kept()).limit(missing).toArray();
      check(first.kept().length + added.length, first.before());
      if (added.length < missing) {
        context.warn(
            "%d of %d anchor images were dropped, but only %d spare images are usable; training uses %d"
                .formatted(missing, set.size(), added.length, first.kept().length + added.length));
      }
      context.note("anchor.replaced", Integer.toString(added.length));
      List<OfPrompt> after = new ArrayList<>(first.after().prompts());
      after.addAll(second.after().prompts());
      report(new AnchorJudgement(judge.name(), after), context);
      if (added.length == 0) {
        more.close();
        return set.select(first.kept());
      }
      if (first.kept().length == 0) {
        set.close();
        return more.select(added);
      }
      return set.select(first.kept()).join(more.select(added));
    } catch (RuntimeException e) {
      more.close();
      throw e;
    }
  }

  private void check(int left, AnchorJudgement judgement) {
    if (left < atLeast) {
      throw new TooFewAnchorsException(name(), left, atLeast, judgement);
    }
  }

  private void report(AnchorJudgement after, AnchorContext context) {
    if (dropping == Dropping.PROMPTS && after.judged() > 0) {
      note(after, "anchor.showsTarget.afterDropping", context);
      warn(after, context);
    }
  }

  private static void note(AnchorJudgement seen, String name, AnchorContext context) {
    context.note(name, String.format(Locale.ROOT, "%.4f", seen.share()));
    context.note(name + ".judged", Integer.toString(seen.judged()));
  }

  private void warn(AnchorJudgement seen, AnchorContext context) {
    if (seen.share() > warnAbove) {
      List<String> most =
          seen.leading(0).stream()
              .limit(PROMPTS_IN_A_WARNING)
              .map(prompt -> "'" + prompt.prompt() + "'")
              .toList();
      context.warn(
          "anchor '%s' leads to the target: according to judge '%s', %s; target prompts learn to behave like anchor prompts, so training cannot bring the target below this share; the worst prompts are %s"
              .formatted(name(), judge.name(), seen, String.join(", ", most)));
    }
  }

  /** The images of a set that are kept, with the judgements of all images and of the kept ones. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Selection(int[] kept, AnchorJudgement before, AnchorJudgement after) {}

  private Selection selection(AnchorSet set, LatentCodec codec, AnchorContext context) {
    Judgements judgements = new Judgements(set, codec, context);
    int[] all = IntStream.range(0, set.size()).toArray();
    AnchorJudgement before = judgements.judgement(all);
    if (dropping == Dropping.IMAGES) {
      int[] kept = IntStream.of(all).filter(row -> !judgements.showsTarget(row)).toArray();
      return new Selection(kept, before, judgements.judgement(kept));
    }
    List<Integer> choosing = new ArrayList<>();
    List<Integer> measuring = new ArrayList<>();
    Map<String, Integer> count = new LinkedHashMap<>();
    for (int row : all) {
      int number = count.merge(set.prompts().get(row), 1, Integer::sum);
      (number % 2 == 1 ? choosing : measuring).add(row);
    }
    Set<String> dropped = new HashSet<>();
    judgements
        .judgement(choosing.stream().mapToInt(row -> row).toArray())
        .leading(leadsAbove)
        .forEach(prompt -> dropped.add(prompt.prompt()));
    int[] kept =
        IntStream.of(all).filter(row -> !dropped.contains(set.prompts().get(row))).toArray();
    int[] measured =
        measuring.stream()
            .mapToInt(row -> row)
            .filter(row -> !dropped.contains(set.prompts().get(row)))
            .toArray();
    return new Selection(kept, before, judgements.judgement(measured));
  }

  private int[] sampleRows(int size) {
    List<Integer> rows = IntStream.range(0, size).boxed().toList();
    return EvenSubset.over(rows, Math.min(sampleSize, size)).stream()
        .mapToInt(row -> row)
        .toArray();
  }

  /** Judges each image only once. */
  private final class Judgements {
    private final AnchorSet set;
    private final LatentCodec codec;
    private final AnchorContext context;
    private final Map<Integer, Boolean> seen = new LinkedHashMap<>();

    Judgements(AnchorSet set, LatentCodec codec, AnchorContext context) {
      this.set = set;
      this.codec = codec;
      this.context = context;
    }

    boolean showsTarget(int row) {
      return seen.computeIfAbsent(row, this::ask);
    }

    private boolean ask(int row) {
      if (context.cancelled()) {
        throw new CancellationException("judging the anchor images was cancelled");
      }
      return judge.showsTarget(set.image(row, codec), set.prompts().get(row));
    }

    AnchorJudgement judgement(int[] rows) {
      Map<String, int[]> counts = new LinkedHashMap<>();
      for (int row : rows) {
        int[] count = counts.computeIfAbsent(set.prompts().get(row), prompt -> new int[2]);
        count[0]++;
        count[1] += showsTarget(row) ? 1 : 0;
      }
      List<OfPrompt> prompts = new ArrayList<>();
      counts.forEach((prompt, count) -> prompts.add(new OfPrompt(prompt, count[0], count[1])));
      return new AnchorJudgement(judge.name(), prompts);
    }
  }
}
