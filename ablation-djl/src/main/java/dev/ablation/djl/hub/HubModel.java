package dev.ablation.djl.hub;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.djl.DiffusionPipeline;
import dev.ablation.djl.load.LoadOptions;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A model repository of the Hub at one revision, and how its files are fetched. Immutable: every
 * setter returns a copy. See {@link Hub#model}.
 *
 * <p>Downloads go to the cache of huggingface_hub, in its layout: what Python has fetched is not
 * fetched again, and the other way round. A download that breaks off goes on from there the next
 * time. Content is kept only if its hash is the published one (SHA-256, or the hash of the git
 * blob). The token goes to the endpoint alone, never to a host that it redirects to. Several
 * threads and processes may fetch the same model; one of them does, the others wait for it.
 */
@CheckReturnValue
public final class HubModel {
  private final String name;
  private HubSettings settings;
  private String revision = "main";
  private @Nullable String variant;
  private Set<String> without = Set.of();
  private Consumer<HubProgress> progress = done -> {};
  private Retries retries = Retries.sleeping();

  HubModel(String name, HubSettings settings) {
    this.name = HubNames.checkRepository(name);
    this.settings = settings;
  }

  private HubModel(HubModel other) {
    name = other.name;
    settings = other.settings;
    revision = other.revision;
    variant = other.variant;
    without = other.without;
    progress = other.progress;
    retries = other.retries;
  }

  /** {@return the repository, {@code "owner/name"}} */
  public String name() {
    return name;
  }

  /** {@return the branch, tag or commit} */
  public String revision() {
    return revision;
  }

  /**
   * Chooses the revision. Files of a whole commit hash (40 digits) that the cache holds are used
   * without asking the Hub.
   *
   * @param revision a branch, a tag, a commit, or a reference such as {@code "refs/pr/1"}
   * @return a changed copy
   * @throws IllegalArgumentException if it is malformed
   */
  public HubModel revision(String revision) {
    HubModel copy = new HubModel(this);
    copy.revision = HubNames.checkRevision(revision);
    return copy;
  }

  /**
   * Chooses the variant of the weights, which are half as large in {@code "fp16"}. Networks that
   * are not published in it are taken plain, as long as any is. Without this call the plain files
   * are taken, or the only variant.
   *
   * @param variant letters, digits, {@code _} and {@code -}
   * @return a changed copy
   */
  public HubModel variant(String variant) {
    if (!variant.matches("[A-Za-z0-9_-]+")) {
      throw new IllegalArgumentException(
          "variant must be of letters, digits, _ and -, was '" + variant + "'");
    }
    HubModel copy = new HubModel(this);
    copy.variant = variant;
    return copy;
  }

  /**
   * Leaves a component out that the pipeline can do without, such as {@code "text_encoder_3"} (T5)
   * of Stable Diffusion 3. {@link LoadOptions#without} then leaves it out of the model.
   *
   * @param component its key in {@code model_index.json}
   * @return a changed copy
   */
  public HubModel without(String component) {
    HubModel copy = new HubModel(this);
    Set<String> components = new TreeSet<>(without);
    components.add(component);
    copy.without = components;
    return copy;
  }

  /**
   * Chooses the Hub or a mirror of it. Overrides {@code HF_ENDPOINT}.
   *
   * @param endpoint {@code http} or {@code https}
   * @return a changed copy
   */
  public HubModel endpoint(URI endpoint) {
    return with(settings.endpoint(endpoint));
  }

  /**
   * Chooses the folder of the cache. Overrides {@code HF_HUB_CACHE} and {@code HF_HOME}.
   *
   * @param folder which holds, or will hold, folders named {@code models--owner--name}
   * @return a changed copy
   */
  public HubModel cache(Path folder) {
    return with(settings.cache(folder));
  }

  /**
   * Names the token of an account. Overrides {@code HF_TOKEN} and the file of {@code hf auth
   * login}.
   *
   * @param token as the Hub shows it, once
   * @return a changed copy
   */
  public HubModel token(String token) {
    return with(settings.token(Objects.requireNonNull(token, "token")));
  }

  /** {@return a copy that sends no token, wherever one may be found} */
  public HubModel withoutToken() {
    return with(settings.token(null));
  }

  /**
   * Chooses whether only the cache is used. Overrides {@code HF_HUB_OFFLINE}.
   *
   * @param offline true to send no request
   * @return a changed copy
   */
  public HubModel offline(boolean offline) {
    return with(settings.offline(offline));
  }

  /**
   * Receives the progress of downloads, on the thread that calls {@link #download} or {@link
   * #file}.
   *
   * @param progress called at least at the end of each file, and about once a megabyte
   * @return a changed copy
   */
  public HubModel progress(Consumer<HubProgress> progress) {
    HubModel copy = new HubModel(this);
    copy.progress = Objects.requireNonNull(progress, "progress");
    return copy;
  }

  HubModel retries(Retries retries) {
    HubModel copy = new HubModel(this);
    copy.retries = retries;
    return copy;
  }

  private HubModel with(HubSettings changed) {
    HubModel copy = new HubModel(this);
    copy.settings = changed;
    return copy;
  }

  /**
   * Fetches what {@link DiffusionPipeline#load(Path, LoadOptions)} needs and the cache lacks: the
   * index, configurations, tokenizers, and weights in safetensors. A pipeline that this library
   * does not open is refused before its weights are fetched. If the Hub cannot be reached, the
   * cached files of the revision are used, if they are all there; the log says so.
   *
   * @return the folder of the snapshot; files in it may be symbolic links and must not be changed
   * @throws HubException if the model cannot be fetched; see {@link HubException#reason}
   * @throws dev.ablation.djl.load.InvalidCheckpointException if the pipeline is not supported
   * @throws java.io.InterruptedIOException if the thread is interrupted; what has arrived is kept
   * @throws IOException if a file cannot be read
   */
  @CanIgnoreReturnValue
  public Path download() throws IOException {
    return fetching().pipeline(variant, without);
  }

  /**
   * Fetches one file, unless the cache holds it: a checkpoint in a single file, a LoRA, a delta.
   *
   * @param path its name in the repository, such as {@code "sd_xl_base_1.0.safetensors"}
   * @return the file in the snapshot; it may be a symbolic link and must not be changed
   * @throws IllegalArgumentException if the name leads out of the repository
   * @throws HubException if it cannot be fetched
   * @throws java.io.InterruptedIOException if the thread is interrupted; what has arrived is kept
   * @throws IOException if the cache cannot be read
   */
  @CanIgnoreReturnValue
  public Path file(String path) throws IOException {
    return fetching().file(HubNames.checkFile(path));
  }

  private Fetching fetching() {
    return new Fetching(name, revision, settings, retries, progress);
  }

  @Override
  public String toString() {
    return name + "@" + revision;
  }
}
