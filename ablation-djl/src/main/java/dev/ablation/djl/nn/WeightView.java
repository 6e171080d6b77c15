package dev.ablation.djl.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.Weights;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A model's weights with bindings of their own, which networks compute with inside of {@link
 * #during} and nowhere else: other threads, and other views, do not see them.
 */
public final class WeightView implements Weights {
  private static final ThreadLocal<@Nullable WeightView> CURRENT = new ThreadLocal<>();

  private final NamedWeights weights;
  private final Map<Weight, NDArray> bound = new HashMap<>();
  private final ModelUse use = new ModelUse();

  /**
   * Views the weights of a model.
   *
   * @param weights of the model; read, never changed
   * @param name of the view, for messages
   */
  public WeightView(NamedWeights weights, String name) {
    this.weights = weights;
    use.name(name);
  }

  /** The array that the current thread's view binds in place of a weight's own, if any. */
  static @Nullable NDArray boundTo(Weight weight) {
    WeightView view = CURRENT.get();
    return view == null ? null : view.bound.get(weight);
  }

  /** The view that the current thread computes with, if any. */
  static @Nullable WeightView current() {
    return CURRENT.get();
  }

  /** Computes with a view on behalf of a thread that is inside of its {@link #during}. */
  static <T> T with(@Nullable WeightView view, Supplier<T> body) {
    WeightView before = CURRENT.get();
    set(view);
    try {
      return body.get();
    } finally {
      set(before);
    }
  }

  private static void set(@Nullable WeightView view) {
    if (view == null) {
      CURRENT.remove();
    } else {
      CURRENT.set(view);
    }
  }

  /** {@return who uses the view} */
  public ModelUse use() {
    return use;
  }

  /**
   * Calls the model's networks with the weights of this view.
   *
   * @param body the call
   * @param <T> its result
   * @return the result
   * @throws IllegalStateException if the view is closed, or another thread has bound its weights
   */
  public <T> T during(Supplier<T> body) {
    return use.during(() -> with(this, body));
  }

  @Override
  public List<WeightInfo> list() {
    return weights.list();
  }

  @Override
  public NDArray get(String name) {
    NDArray array = bound.get(weights.weight(name));
    return array == null ? weights.get(name) : array;
  }

  @Override
  public NDArray copy(String name, NDManager owner) {
    return during(() -> weights.copy(name, owner));
  }

  @Override
  public void bind(String name, @Nullable NDArray array) {
    Weight weight = weights.weight(name);
    if (array != null) {
      weight.checkShape(array);
    }
    boolean before = bound.containsKey(weight);
    use.bind(
        () -> {
          if (array == null) {
            bound.remove(weight);
          } else {
            bound.put(weight, array);
          }
        },
        before,
        array != null);
  }

  @Override
  public boolean isBound(String name) {
    return bound.containsKey(weights.weight(name)) || weights.isBound(name);
  }

  @Override
  public void overwrite(String name, NDArray array) {
    throw new UnsupportedOperationException(
        "a view cannot overwrite weight '" + name + "', which other views read");
  }

  @Override
  public String sha256(String name) {
    return weights.sha256(name);
  }

  @Override
  public String sha256() {
    return weights.sha256();
  }
}
