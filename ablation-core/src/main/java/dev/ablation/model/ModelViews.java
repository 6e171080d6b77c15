package dev.ablation.model;

/**
 * Capability: views of a model. A view reads the model's weights, without a copy, and has bindings
 * of its own: a delta that is applied to one view changes what that view draws and nothing else.
 * Each thread that has its own view may draw while the others do, each under other deltas.
 *
 * {@snippet class="dev.ablation.Snippets" region="view"}
 */
public interface ModelViews {
  /**
   * Opens a view. It draws, encodes and decodes as the model does and has the capabilities {@link
   * LatentCodec}, {@link PromptTokenizer} and {@link dev.ablation.sample.SamplingDefaults} if the
   * model has them. It cannot be trained, and its weights can be bound but not overwritten.
   *
   * <p>A view is used by one thread at a time; several views may be used at once. While weights of
   * the model itself are bound, views refuse to compute, because they would read them too.
   *
   * @return the view, closed by the caller; closing it leaves the model open. It ends with the
   *     model
   */
  DiffusionModel view();
}
