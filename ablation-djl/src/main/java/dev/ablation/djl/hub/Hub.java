package dev.ablation.djl.hub;

/**
 * The Hugging Face Hub.
 *
 * {@snippet class="dev.ablation.djl.Snippets" region="hub"}
 *
 * <p>The environment variables of huggingface_hub apply: {@code HF_HOME}, {@code HF_HUB_CACHE},
 * {@code HF_ENDPOINT}, {@code HF_TOKEN}, {@code HF_TOKEN_PATH}, {@code
 * HF_HUB_DISABLE_IMPLICIT_TOKEN}, {@code HF_HUB_OFFLINE}, {@code HF_HUB_DISABLE_SYMLINKS}, {@code
 * HF_HUB_DOWNLOAD_TIMEOUT}. Setters of {@link HubModel} override them.
 */
public final class Hub {
  private Hub() {}

  /**
   * Names a model repository. Nothing is fetched yet.
   *
   * @param name {@code "owner/name"}
   * @return its branch {@code main}, to be downloaded
   * @throws IllegalArgumentException if the name is malformed, or an environment variable of the
   *     Hub has an invalid value
   */
  public static HubModel model(String name) {
    return new HubModel(name, HubSettings.ofEnvironment());
  }
}
