package dev.ablation.delta;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonObject;
import dev.ablation.model.LoraFactors;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** A change in two factors. */
record LowRankChange(LoraFactors factors) implements Change {
  static final String FORM = "low-rank";

  @Override
  public Shape shape() {
    return factors.shape();
  }

  @Override
  public NDArray full(NDManager owner) {
    return factors.product(owner);
  }

  @Override
  public NDArray addedTo(NDArray weight, NDManager owner) {
    try (NDManager scope = owner.newSubManager()) {
      NDArray change = Change.beside(full(scope), weight, scope);
      NDArray sum = weight.add(change);
      sum.attach(owner);
      return sum;
    }
  }

  @Override
  public Change scaledBy(double factor, NDManager owner) {
    return new LowRankChange(
        new LoraFactors(
            copy(factors.down(), owner), copy(factors.up(), owner), factor * factors.scale()));
  }

  private static NDArray copy(NDArray array, NDManager owner) {
    NDArray copy = array.duplicate();
    copy.attach(owner);
    return copy;
  }

  /** The sum, exactly: the ranks add up. */
  LowRankChange plus(LowRankChange other, NDManager owner) {
    LoraFactors a = factors;
    LoraFactors b = other.factors;
    try (NDManager scope = owner.newSubManager()) {
      NDArray theirDown = Change.beside(b.down(), a.down(), scope);
      NDArray theirUp = Change.beside(b.up(), a.up(), scope).mul((float) b.scale());
      theirUp.attach(scope);
      NDArray myUp = a.up().mul((float) a.scale());
      myUp.attach(scope);
      NDArray down = NDArrays.concat(new NDList(a.down(), theirDown), 0);
      NDArray up = NDArrays.concat(new NDList(myUp, theirUp), 1);
      down.attach(owner);
      up.attach(owner);
      return new LowRankChange(new LoraFactors(down, up, 1));
    }
  }

  @Override
  public Map<String, NDArray> arrays(String weight) {
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    arrays.put(weight + LoraFactors.DOWN, factors.down());
    arrays.put(weight + LoraFactors.UP, factors.up());
    return arrays;
  }

  @Override
  public Optional<JsonObject> form() {
    JsonObject form = new JsonObject();
    form.addProperty("form", FORM);
    form.addProperty("scale", factors.scale());
    return Optional.of(form);
  }
}
