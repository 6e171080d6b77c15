package dev.ablation.run;

import dev.ablation.anchor.AnchorContext;
import dev.ablation.anchor.AnchorSet;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.ForwardingAnchorContext;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The anchor images of every pair. Pairs whose images depend on equal settings share them: for
 * several styles with the anchor "painting", the images are drawn once.
 */
final class AnchorSets implements AutoCloseable {
  private final Map<Key, AnchorSet> sets = new LinkedHashMap<>();

  /** The settings that affect the images of a pair; equal keys mean equal images. */
  private record Key(AnchorStrategy anchor, List<String> prompts, Map<String, String> settings) {
    static Key of(ResolvedPair pair) {
      return new Key(
          pair.anchor(),
          pair.anchor().prompts(pair.target()),
          pair.anchor().settings(pair.target()));
    }
  }

  private AnchorSets() {}

  /** {@return the number of images of all pairs together} */
  static int images(List<ResolvedPair> pairs) {
    return distinct(pairs).values().stream().mapToInt(pair -> pair.anchor().images()).sum();
  }

  /** {@return one of the pairs that share images, for all images} */
  static List<ResolvedPair> withImagesOfTheirOwn(List<ResolvedPair> pairs) {
    return List.copyOf(distinct(pairs).values());
  }

  private static Map<Key, ResolvedPair> distinct(List<ResolvedPair> pairs) {
    Map<Key, ResolvedPair> distinct = new LinkedHashMap<>();
    pairs.forEach(pair -> distinct.putIfAbsent(Key.of(pair), pair));
    return distinct;
  }

  /**
   * Draws or reads the images.
   *
   * @param pairs whose anchors are prepared
   * @param run receives progress over all pairs
   * @return the images, closed by the caller
   */
  static AnchorSets prepare(DiffusionModel model, List<ResolvedPair> pairs, AnchorContext run)
      throws IOException {
    AnchorSets prepared = new AnchorSets();
    try {
      Map<Key, ResolvedPair> distinct = distinct(pairs);
      int total = images(pairs);
      int done = 0;
      for (Map.Entry<Key, ResolvedPair> entry : distinct.entrySet()) {
        ResolvedPair pair = entry.getValue();
        int images = pair.anchor().images();
        AnchorContext context =
            distinct.size() == 1 ? run : new Part(run, done, images, total, pair.target().name());
        prepared.sets.put(entry.getKey(), pair.anchor().prepare(model, pair.target(), context));
        done += images;
      }
      return prepared;
    } catch (IOException | RuntimeException | Error e) {
      prepared.close();
      throw e;
    }
  }

  AnchorSet of(ResolvedPair pair) {
    return Objects.requireNonNull(sets.get(Key.of(pair)), "a pair whose anchors were prepared");
  }

  /** Frees the images. */
  @Override
  public void close() {
    sets.values().forEach(AnchorSet::close);
  }

  /**
   * A part of the work on all images. Parts may count in different units, so they are weighted by
   * their number of images.
   */
  private static final class Part extends ForwardingAnchorContext {
    private static final long UNITS_OF_AN_IMAGE = 1000;

    private final int before;
    private final int images;
    private final int total;
    private final String target;

    /**
     * Creates a part.
     *
     * @param before images of the parts before this one
     * @param images images of this part
     * @param total images of all parts
     * @param target distinguishes the notes of the parts
     */
    Part(AnchorContext run, int before, int images, int total, String target) {
      super(run);
      this.before = before;
      this.images = images;
      this.total = total;
      this.target = target;
    }

    @Override
    public void progress(long done, long all, boolean fromCache) {
      long own = all == 0 ? 0 : UNITS_OF_AN_IMAGE * images * done / all;
      super.progress(UNITS_OF_AN_IMAGE * before + own, UNITS_OF_AN_IMAGE * total, fromCache);
    }

    @Override
    public void note(String name, String value) {
      super.note(name + " of " + target, value);
    }
  }
}
