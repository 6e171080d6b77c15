package dev.ablation.delta;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.ablation.model.LoraFactors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A change by factors that several weights share: the base weight times the sum of some factors,
 * and perhaps another change. It is known only together with the base weight.
 *
 * @param shape of the weight, a matrix
 * @param axis of the weight that the factors act on: 1 for W C, 0 for Cᵀ W
 * @param terms the factors, each with its scale
 * @param rest another change of the same weight
 */
record FactorChange(Shape shape, int axis, List<Term> terms, @Nullable Change rest)
    implements Change {
  static final String FORM = "factor";

  /** Factor times scale. */
  record Term(double scale, WeightFactor factor) {}

  FactorChange {
    terms = List.copyOf(terms);
    Preconditions.checkArgument(
        shape.dimension() == 2 && (axis == 0 || axis == 1),
        "a factor acts on axis 0 or 1 of a matrix, was axis %s of a weight of shape %s",
        axis,
        shape);
    for (Term term : terms) {
      Preconditions.checkArgument(
          term.factor().width() == shape.get(axis),
          "a factor of width %s does not fit axis %s of a weight of shape %s",
          term.factor().width(),
          axis,
          shape);
    }
  }

  @Override
  public NDArray full(NDManager owner) {
    throw new IllegalStateException(
        "the change of a weight of shape "
            + shape
            + " is held relative to the base model's weight: take delta.resolved(model) first");
  }

  @Override
  public NDArray addedTo(NDArray weight, NDManager owner) {
    return addedTo(weight, weight, owner);
  }

  @Override
  public boolean isRelative() {
    return true;
  }

  @Override
  public NDArray addedTo(NDArray weight, NDArray base, NDManager owner) {
    try (NDManager scope = owner.newSubManager()) {
      NDArray before = rest == null ? weight : rest.addedTo(weight, scope);
      NDArray sum;
      try (NDScope intermediate = new NDScope()) {
        intermediate.suppressNotUsedWarning();
        sum =
            doubles(before, scope)
                .add(product(doubles(base, scope), scope))
                .toType(DataType.FLOAT32, false)
                .toDevice(weight.getDevice(), false);
        NDScope.unregister(sum);
      }
      sum.attach(owner);
      return sum;
    }
  }

  /** The base weight, float64, times the factors. */
  private NDArray product(NDArray base, NDManager scope) {
    NDArray rows = axis == 1 ? base : base.transpose();
    NDArray sum = null;
    for (Term term : terms) {
      NDArray product = rows;
      List<NDArray> arrays = term.factor().arrays();
      for (int i = 0; i < arrays.size(); i++) {
        NDArray matrix = doubles(Change.beside(arrays.get(i), base, scope), scope);
        product = product.matMul(i == 0 ? matrix : matrix.transpose());
      }
      product = product.mul(term.scale());
      sum = sum == null ? product : sum.add(product);
    }
    if (sum == null) {
      return base.zerosLike();
    }
    return axis == 1 ? sum : sum.transpose();
  }

  /** Float64, on the CPU where the array's device has no such type. */
  private static NDArray doubles(NDArray array, NDManager scope) {
    NDArray near =
        array.getDevice().isGpu() ? array : array.toDevice(Device.cpu(), false);
    NDArray wide = near.toType(DataType.FLOAT64, false);
    if (wide != array) {
      wide.attach(scope);
    }
    return wide;
  }

  /** The same change without reference to the base weight: low-rank if the factors are. */
  Change resolved(NDArray base, NDManager owner) {
    boolean slim = rest == null && terms.stream().allMatch(term -> term.factor().isSlim());
    return slim ? lowRank(base, owner) : difference(base, owner);
  }

  private Change difference(NDArray base, NDManager owner) {
    try (NDManager scope = owner.newSubManager()) {
      NDArray zero = base.zerosLike();
      zero.attach(scope);
      NDArray sum = addedTo(zero, base, scope);
      return FullChange.of(sum, owner);
    }
  }

  private Change lowRank(NDArray base, NDManager owner) {
    try (NDManager scope = owner.newSubManager()) {
      NDList downs = new NDList();
      NDList ups = new NDList();
      try (NDScope intermediate = new NDScope()) {
        intermediate.suppressNotUsedWarning();
        NDArray wide = doubles(base, scope);
        for (Term term : terms) {
          NDArray left = doubles(Change.beside(term.factor().arrays().get(0), base, scope), scope);
          NDArray right = doubles(Change.beside(term.factor().arrays().get(1), base, scope), scope);
          downs.add(axis == 1 ? right.transpose() : left.transpose().matMul(wide));
          ups.add((axis == 1 ? wide.matMul(left) : right).mul(term.scale()));
        }
        NDArray down = narrow(NDArrays.concat(downs, 0), base, owner);
        NDArray up = narrow(NDArrays.concat(ups, 1), base, owner);
        return new LowRankChange(new LoraFactors(down, up, 1));
      }
    }
  }

  private static NDArray narrow(NDArray wide, NDArray like, NDManager owner) {
    NDArray narrow =
        wide.toType(DataType.FLOAT32, false).toDevice(like.getDevice(), false).duplicate();
    NDScope.unregister(narrow);
    narrow.attach(owner);
    return narrow;
  }

  /** Scales; the factors stay the same arrays until {@link #ownedBy}. */
  @Override
  public Change scaledBy(double factor, NDManager owner) {
    return new FactorChange(
        shape,
        axis,
        terms.stream().map(term -> new Term(factor * term.scale(), term.factor())).toList(),
        rest == null ? null : rest.scaledBy(factor, owner));
  }

  /** The sum, exactly. */
  Change plus(Change other, NDManager owner) {
    if (other instanceof FactorChange theirs) {
      Preconditions.checkArgument(
          axis == theirs.axis, "factors of one weight must act on one axis, were on both");
      List<Term> all = new ArrayList<>(terms);
      all.addAll(theirs.terms);
      return new FactorChange(shape, axis, all, sum(rest, theirs.rest, owner));
    }
    return new FactorChange(shape, axis, terms, sum(rest, other, owner));
  }

  private static @Nullable Change sum(
      @Nullable Change mine, @Nullable Change theirs, NDManager owner) {
    if (mine == null) {
      return theirs == null ? null : theirs.copy(owner);
    }
    return theirs == null ? mine.copy(owner) : WeightDelta.sum(mine, theirs, owner);
  }

  /**
   * Copies the factors to their owner.
   *
   * @param copies those that are there already, by name
   */
  FactorChange ownedBy(NDManager owner, Map<String, WeightFactor> copies) {
    List<Term> own = new ArrayList<>();
    for (Term term : terms) {
      WeightFactor factor =
          copies.computeIfAbsent(term.factor().name(), name -> copy(term.factor(), owner));
      own.add(new Term(term.scale(), factor));
    }
    return new FactorChange(shape, axis, own, rest);
  }

  private static WeightFactor copy(WeightFactor factor, NDManager owner) {
    List<NDArray> copies = new ArrayList<>();
    for (NDArray array : factor.arrays()) {
      NDArray copy = array.duplicate();
      copy.attach(owner);
      copies.add(copy);
    }
    return factor.in(copies);
  }

  @Override
  public Map<String, NDArray> arrays(String weight) {
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    for (Term term : terms) {
      WeightFactor factor = term.factor();
      List<String> names = WeightFactor.tensors(factor.name(), factor.isSlim());
      for (int i = 0; i < names.size(); i++) {
        arrays.put(names.get(i), factor.arrays().get(i));
      }
    }
    if (rest != null) {
      arrays.putAll(rest.arrays(weight));
    }
    return arrays;
  }

  @Override
  public Optional<JsonObject> form() {
    JsonObject form = new JsonObject();
    form.addProperty("form", FORM);
    form.addProperty("axis", axis);
    form.addProperty("length", shape.get(1 - axis));
    JsonArray factors = new JsonArray();
    for (Term term : terms) {
      JsonObject each = new JsonObject();
      each.addProperty("factor", term.factor().name());
      each.addProperty("slim", term.factor().isSlim());
      each.addProperty("scale", term.scale());
      factors.add(each);
    }
    form.add("factors", factors);
    if (rest != null) {
      form.add("rest", rest.form().orElseGet(JsonObject::new));
    }
    return Optional.of(form);
  }
}
