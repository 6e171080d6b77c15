package dev.ablation.djl.hub;

import dev.ablation.djl.DiffusionPipeline;
import dev.ablation.djl.hub.HubException.Reason;
import dev.ablation.djl.load.LoadOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One download: from the Hub where it can be reached, else from the cache. */
final class Fetching {
  private static final Logger LOG = LoggerFactory.getLogger(Fetching.class);
  private static final int PROGRESS_BYTES = 1 << 20;

  private final String repository;
  private final String revision;
  private final HubSettings settings;
  private final Retries retries;
  private final Consumer<HubProgress> progress;
  private final HubCache cache;
  private final HubClient client;

  Fetching(
      String repository,
      String revision,
      HubSettings settings,
      Retries retries,
      Consumer<HubProgress> progress) {
    this.repository = repository;
    this.revision = revision;
    this.settings = settings;
    this.retries = retries;
    this.progress = progress;
    cache = new HubCache(settings.cache(), repository, settings.symlinks());
    client = new HubClient(settings, repository, retries);
  }

  /** Fetches the files of a pipeline and returns its folder. */
  Path pipeline(@Nullable String variant, Set<String> without) throws IOException {
    if (settings.offline()) {
      return cached(variant, without);
    }
    String commit;
    List<HubFile> tree;
    try {
      commit = HubNames.isCommit(revision) ? revision : client.commit(revision);
      tree = tree(commit);
    } catch (HubException e) {
      if (e.reason() != Reason.UNREACHABLE) {
        throw e;
      }
      return cachedAsUnreachable(e, () -> cached(variant, without));
    }
    Map<String, HubFile> byPath = new TreeMap<>();
    tree.forEach(file -> byPath.put(file.path(), file));
    HubFile index = byPath.get(FileSelection.INDEX);
    if (index == null) {
      throw noPipeline(byPath.keySet());
    }
    fetch(commit, List.of(index));
    fetch(
        commit,
        select(commit, byPath.keySet(), variant, without).stream()
            .map(path -> Objects.requireNonNull(byPath.get(path), path))
            .toList());
    cache.remember(revision, commit);
    return cache.snapshot(commit);
  }

  /** Fetches one file. */
  Path file(String path) throws IOException {
    Optional<String> known = cache.commit(revision);
    Optional<Path> cached =
        known.map(commit -> cache.pointer(commit, path)).filter(Files::isRegularFile);
    if (cached.isPresent() && HubNames.isCommit(revision)) {
      return cached.get();
    }
    if (settings.offline()) {
      return cached.orElseThrow(() -> notCached(List.of(path)));
    }
    HubClient.Head head;
    try {
      head = client.head(revision, path);
    } catch (HubClient.NoSuchEntry e) {
      cache.rememberMissing(e.commit(), path);
      throw e.reason();
    } catch (HubException e) {
      if (e.reason() != Reason.UNREACHABLE) {
        throw e;
      }
      return cachedAsUnreachable(e, () -> cached.orElseThrow(() -> notCached(List.of(path))));
    }
    fetch(head.commit(), List.of(head.file()));
    cache.remember(revision, head.commit());
    return cache.pointer(head.commit(), path);
  }

  private List<HubFile> tree(String commit) throws IOException {
    Optional<List<HubFile>> known = cache.tree(commit);
    if (known.isPresent()) {
      return known.get();
    }
    List<HubFile> tree = client.tree(commit);
    cache.rememberTree(commit, tree);
    return tree;
  }

  @FunctionalInterface
  private interface FromCache {
    Path get() throws IOException;
  }

  /** The cache helps out if it holds everything; otherwise the connection is the problem. */
  private Path cachedAsUnreachable(HubException unreachable, FromCache fromCache)
      throws IOException {
    Path found;
    try {
      found = fromCache.get();
    } catch (HubException e) {
      unreachable.addSuppressed(e);
      throw unreachable;
    }
    LOG.warn("{}. The files of the cache are used: {}", unreachable.getMessage(), found);
    return found;
  }

  /** Finds a pipeline in the cache. */
  private Path cached(@Nullable String variant, Set<String> without) throws IOException {
    String commit = cache.commit(revision).orElseThrow(() -> notCached(List.of()));
    List<HubFile> tree = cache.tree(commit).orElse(List.of());
    if (tree.isEmpty()) {
      tree = cache.present(commit);
    }
    Map<String, HubFile> byPath = new TreeMap<>();
    tree.forEach(file -> byPath.put(file.path(), file));
    HubFile index = byPath.get(FileSelection.INDEX);
    if (index == null || !cache.has(commit, index)) {
      throw notCached(List.of(FileSelection.INDEX));
    }
    List<String> missing = new ArrayList<>();
    List<String> selected;
    try {
      selected = select(commit, byPath.keySet(), variant, without);
    } catch (HubException e) {
      HubException offline = notCached(List.of());
      offline.addSuppressed(e);
      throw cache.tree(commit).isPresent() ? e : offline;
    }
    for (String path : selected) {
      HubFile file = byPath.get(path);
      if (file == null || !cache.has(commit, file)) {
        missing.add(path);
      }
    }
    if (!missing.isEmpty()) {
      throw notCached(missing);
    }
    return cache.snapshot(commit);
  }

  private HubException notCached(List<String> files) {
    return error(
        Reason.NOT_CACHED,
        "revision '%s' is not in the cache %s%s; fetch it with a connection (HF_HUB_OFFLINE unset) first"
            .formatted(
                revision, cache.root(), files.isEmpty() ? " or not complete" : ", of it " + files));
  }

  /** The files that the pipeline needs; its index is there. */
  private List<String> select(
      String commit, Set<String> files, @Nullable String variant, Set<String> without)
      throws IOException {
    LoadOptions options = LoadOptions.defaults();
    for (String component : without) {
      options = options.without(component);
    }
    Set<String> components =
        DiffusionPipeline.components(cache.pointer(commit, FileSelection.INDEX), options);
    FileSelection selection = FileSelection.of(files, components, variant);
    if (!selection.onlyPickles().isEmpty()) {
      throw error(
          Reason.ONLY_PICKLES,
          ("revision '%s' has the weights of %s only as Python pickles, which can run any program when"
                  + " they are opened and are never read here. Look for a revision with .safetensors"
                  + " files (often refs/pr/N), or convert it in Python, if you trust it:"
                  + " from_pretrained(name).save_pretrained(folder, safe_serialization=True)")
              .formatted(revision, selection.onlyPickles()));
    }
    if (!selection.missing().isEmpty()) {
      throw error(
          Reason.NO_FILE,
          "revision '%s' has no files, or no weights, of %s, which its pipeline needs"
              .formatted(revision, selection.missing()));
    }
    if (selection.lacksVariant() || !selection.ambiguous().isEmpty()) {
      throw error(
          Reason.NO_VARIANT,
          "revision '%s' has %s; it has the variants %s"
              .formatted(
                  revision,
                  selection.lacksVariant()
                      ? "no weights of the variant '" + variant + "'"
                      : "only variants of " + selection.ambiguous() + ", so one must be chosen",
                  selection.variants()));
    }
    if (!selection.withoutVariant().isEmpty()) {
      LOG.warn(
          "{}: {} are not published in the variant {} and are taken as they are",
          repository,
          selection.withoutVariant(),
          variant);
    }
    return selection.selected();
  }

  private HubException noPipeline(Set<String> files) {
    String weights =
        files.stream()
            .filter(file -> file.endsWith(".safetensors"))
            .limit(10)
            .collect(Collectors.joining(", "));
    return error(
        Reason.NO_FILE,
        "revision '%s' has no %s, so it holds no pipeline of diffusers%s"
            .formatted(
                revision,
                FileSelection.INDEX,
                weights.isEmpty() ? "" : "; single files are fetched by file(name): " + weights));
  }

  private void fetch(String commit, List<HubFile> files) throws IOException {
    List<HubFile> lacking = new ArrayList<>();
    for (HubFile file : files) {
      if (!cache.has(commit, file)) {
        lacking.add(file);
      }
    }
    if (lacking.isEmpty()) {
      return;
    }
    cache.prepare();
    long total = 0;
    long left = 0;
    for (HubFile file : lacking) {
      if (!cache.hasBlob(file)) {
        total += Math.max(0, file.size());
        left += Math.max(0, file.size() - cache.unfinishedBytes(file));
      }
    }
    cache.checkSpace(left);
    Meter meter = new Meter(total);
    for (HubFile file : lacking) {
      long size = cache.hasBlob(file) ? 0 : Math.max(0, file.size());
      new BlobDownload(
              cache, client, retries, repository, commit, file, done -> meter.at(file, done))
          .run();
      meter.finished(file, size);
    }
  }

  private HubException error(Reason reason, String problem) {
    return new HubException(reason, repository, problem, null);
  }

  /** Adds up files and reports each megabyte. */
  private final class Meter {
    private final long total;
    private long before;
    private long told = -1;

    Meter(long total) {
      this.total = total;
    }

    void at(HubFile file, long done) {
      long sum = Math.min(total, before + done);
      if (told < 0 || Math.abs(sum - told) >= PROGRESS_BYTES) {
        tell(file, sum);
      }
    }

    void finished(HubFile file, long size) {
      before += size;
      tell(file, Math.min(total, before));
    }

    private void tell(HubFile file, long sum) {
      told = sum;
      progress.accept(new HubProgress(file.path(), sum, total));
    }
  }
}
