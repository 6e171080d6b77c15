package dev.ablation.djl.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ablation.delta.ConceptGate;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LoraFactors;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.safetensors.NarrowFloats;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A delta of any form as low-rank factors, which a {@link LoraFile} can hold, and how much of the
 * change they miss. So an ablation reaches people who use a model with other tools, as a small
 * file.
 *
 * {@snippet class="dev.ablation.djl.lora.LowRankApproximationTest" region="approximate"}
 *
 * <p>Each weight's change D (a convolution's with its inputs and its window in one axis) is
 * projected on the singular vectors of its largest singular values, which is the nearest matrix of
 * the rank (Eckart and Young 1936). They are computed in float64 as eigenvectors of D D^T or D^T D,
 * whichever is smaller, so singular values below 1e-8 of the largest are not told from zero. The
 * errors are measured on the factors as they are stored. On two cores a weight of 1280 x 2048 takes
 * about 0.7 s.
 */
public final class LowRankApproximation implements AutoCloseable {
  private static final Kernel EIGENVECTORS =
      Kernel.of("(x): return torch.linalg_eigh(x)"); // ascending

  private final WeightDelta delta;
  private final List<ApproximatedWeight> weights;
  private final List<String> leftOut;
  private final double relativeError;

  private LowRankApproximation(
      WeightDelta delta,
      List<ApproximatedWeight> weights,
      List<String> leftOut,
      double relativeError) {
    this.delta = delta;
    this.weights = List.copyOf(weights);
    this.leftOut = List.copyOf(leftOut);
    this.relativeError = relativeError;
  }

  /**
   * One weight of an approximation.
   *
   * @param name of the weight
   * @param rank of its factors
   * @param relativeError Frobenius norm of what they miss of the change, divided by the norm of the
   *     change
   */
  public record ApproximatedWeight(String name, int rank, double relativeError) {}

  /** A change in factors, with the squared norms of the change and of what they miss. */
  private record Factorised(LoraFactors factors, double square, double missing) {}

  /**
   * Factorises a delta.
   *
   * @param delta of any form; unchanged
   * @param model that the delta is for: it knows which weights have a low-rank form
   * @param settings ranks, and what to do about other weights
   * @return the factors, with the delta's provenance; closed by the caller
   * @throws IllegalArgumentException if the delta changes nothing, or changes weights that a LoRA
   *     file cannot hold and {@link LowRankSettings#leavingOutOthers} was not chosen; the message
   *     names them
   * @throws dev.ablation.delta.DeltaMismatchException if the delta is relative to the weights of
   *     another model
   */
  public static LowRankApproximation of(
      WeightDelta delta, DiffusionModel model, LowRankSettings settings) {
    if (delta.isRelative()) {
      try (WeightDelta resolved = delta.resolved(model)) {
        return of(resolved, model, settings);
      }
    }
    Map<String, WeightInfo> infos =
        model.weights().list().stream().collect(Collectors.toMap(WeightInfo::name, info -> info));
    List<String> others = new ArrayList<>();
    for (String name : delta.names()) {
      if (!infos.containsKey(name)) {
        throw new IllegalArgumentException("the model has no weight '" + name + "'");
      }
      if (!hasLowRankForm(infos.get(name), model)) {
        others.add(name);
      }
    }
    if (!settings.leavesOutOthers() && !others.isEmpty()) {
      throw new IllegalArgumentException(
          ("a LoRA file can hold linear maps and convolutions alone; of the delta's %d weights %d"
                  + " are something else: %s. They can be left out with leavingOutOthers()")
              .formatted(delta.names().size(), others.size(), others.stream().limit(5).toList()));
    }
    return GradMode.with(false, () -> factorised(delta, others, settings));
  }

  private static boolean hasLowRankForm(WeightInfo info, DiffusionModel model) {
    boolean matrix = info.name().endsWith(LoraKeys.WEIGHT) && info.shape().dimension() > 1;
    return matrix
        && info.role() != WeightRole.TOKEN_EMBEDDING
        && model
            .capability(LoraTraining.class)
            .map(training -> training.hasLowRankForm(info.name()))
            .orElse(true);
  }

  private static LowRankApproximation factorised(
      WeightDelta delta, List<String> others, LowRankSettings settings) {
    Map<String, LoraFactors> changes = new LinkedHashMap<>();
    List<ApproximatedWeight> weights = new ArrayList<>();
    double square = 0;
    double missing = 0;
    try (NDManager scope =
        NDManager.newBaseManager(
            delta.get(delta.names().iterator().next()).getDevice(), "PyTorch")) {
      for (String name : delta.names()) {
        try (NDManager part = scope.newSubManager()) {
          NDArray change = change(delta, name, part);
          if (others.contains(name)) {
            double all = square(change);
            square += all;
            missing += all;
            continue;
          }
          Optional<Factorised> found = exact(delta, name, change, settings);
          if (found.isEmpty()) {
            found = factorised(change, settings, part);
          }
          if (found.isPresent()) {
            Factorised one = found.get();
            square += one.square();
            missing += one.missing();
            one.factors().down().attach(scope);
            one.factors().up().attach(scope);
            changes.put(name, one.factors());
            weights.add(
                new ApproximatedWeight(
                    name, one.factors().rank(), Math.sqrt(one.missing() / one.square())));
          }
        }
      }
      if (changes.isEmpty()) {
        throw new IllegalArgumentException(
            "the delta must change a weight that a LoRA file can hold, changes "
                + delta.names().stream().limit(5).toList());
      }
      WeightDelta plain = WeightDelta.ofLowRank(changes, scope, delta.provenance());
      return new LowRankApproximation(
          delta.gate().map(gate -> gated(plain, gate)).orElse(plain),
          weights,
          others,
          Math.sqrt(missing / square));
    }
  }

  private static WeightDelta gated(WeightDelta plain, ConceptGate gate) {
    try (plain) {
      return plain.gatedBy(gate);
    }
  }

  /** A change in full; products and rows are not kept by the delta. */
  private static NDArray change(WeightDelta delta, String name, NDManager owner) {
    return delta
        .lowRank(name)
        .map(factors -> factors.product(owner))
        .orElseGet(() -> delta.get(name));
  }

  /** Factors that the delta holds and that are allowed stay as they are. */
  private static Optional<Factorised> exact(
      WeightDelta delta, String name, NDArray change, LowRankSettings settings) {
    return delta
        .lowRank(name)
        .filter(factors -> factors.rank() <= settings.maxRank() && !settings.isFloat16())
        .map(factors ->
            new LoraFactors(factors.down().duplicate(), factors.up().duplicate(), factors.scale()))
        .map(factors -> new Factorised(factors, square(change), 0))
        .filter(found -> found.square() > 0);
  }

  private static double square(NDArray array) {
    try (NDArray wide = array.toType(DataType.FLOAT64, true);
        NDArray squares = wide.square();
        NDArray sum = squares.sum()) {
      return sum.toDoubleArray()[0];
    }
  }

  private static Optional<Factorised> factorised(
      NDArray change, LowRankSettings settings, NDManager owner) {
    double square = square(change);
    if (square == 0) {
      return Optional.empty();
    }
    NDArray wide = change.toType(DataType.FLOAT64, true);
    wide.attach(owner);
    NDArray matrix = wide.reshape(change.getShape().get(0), -1);
    boolean left = matrix.getShape().get(0) <= matrix.getShape().get(1);
    NDArray gram = left ? matrix.matMul(matrix.transpose()) : matrix.transpose().matMul(matrix);
    NDList eigen = EIGENVECTORS.callAll(gram);
    double[] values = eigen.get(0).toDoubleArray();
    int rank = rank(values, settings);
    NDArray vectors = eigen.get(1).get(":, " + (values.length - rank) + ":");
    // D is near U U^T D, or D V V^T: one factor are the vectors, the other holds the lengths.
    NDArray up = left ? vectors : matrix.matMul(vectors);
    NDArray down = left ? vectors.transpose().matMul(matrix) : vectors.transpose();
    double[] roots = new double[rank];
    for (int i = 0; i < rank; i++) {
      roots[i] = Math.pow(Math.max(values[values.length - rank + i], Double.MIN_NORMAL), 0.25);
    }
    NDArray root = owner.create(roots).toDevice(matrix.getDevice(), false);
    NDArray balancedUp = left ? up.mul(root) : up.div(root);
    NDArray balancedDown = left ? down.div(root.reshape(-1, 1)) : down.mul(root.reshape(-1, 1));
    NDArray storedUp = stored(balancedUp, settings, owner);
    NDArray storedDown = stored(balancedDown, settings, owner);
    NDArray product =
        storedUp.toType(DataType.FLOAT64, true).matMul(storedDown.toType(DataType.FLOAT64, true));
    double missing = square(matrix.sub(product));
    LoraFactors factors =
        new LoraFactors(
            storedDown.reshape(LoraFactors.downShape(change.getShape(), rank)),
            storedUp.reshape(LoraFactors.upShape(change.getShape(), rank)),
            1);
    return Optional.of(new Factorised(factors, square, missing));
  }

  /** The lowest rank that misses no more than is tolerated. */
  private static int rank(double[] ascending, LowRankSettings settings) {
    double total = 0;
    for (double value : ascending) {
      total += Math.max(0, value);
    }
    double tolerated = settings.tolerance() * settings.tolerance() * total;
    double missing = 0;
    int rank = ascending.length;
    while (rank > 1) {
      missing += Math.max(0, ascending[ascending.length - rank]);
      if (missing > tolerated) {
        break;
      }
      rank--;
    }
    return Math.min(rank, settings.maxRank());
  }

  private static NDArray stored(NDArray factor, LowRankSettings settings, NDManager owner) {
    NDArray narrow = factor.toType(DataType.FLOAT32, true);
    if (!settings.isFloat16()) {
      return narrow;
    }
    float[] values = narrow.toFloatArray();
    for (int i = 0; i < values.length; i++) {
      values[i] = NarrowFloats.fromFloat16(NarrowFloats.toFloat16(values[i]));
    }
    return owner.create(values, factor.getShape()).toDevice(factor.getDevice(), false);
  }

  /** {@return the approximation, which {@link LoraFile} can write; owned by this} */
  public WeightDelta delta() {
    return delta;
  }

  /** {@return every weight that has factors, in the order of the delta} */
  public List<ApproximatedWeight> weights() {
    return weights;
  }

  /** {@return the names of weights that a LoRA file cannot hold and that are left out} */
  public List<String> leftOut() {
    return leftOut;
  }

  /**
   * {@return the Frobenius norm of all that is missed, divided by that of the whole change} What is
   * left out is missed too.
   */
  public double relativeError() {
    return relativeError;
  }

  /** {@return the highest rank of a weight} */
  public int maxRank() {
    return weights.stream().mapToInt(ApproximatedWeight::rank).max().orElse(0);
  }

  /** Frees the factors. */
  @Override
  public void close() {
    delta.close();
  }

  @Override
  public String toString() {
    return "low-rank approximation of %d weights, up to rank %d, relative error %.3g, %d left out"
        .formatted(weights.size(), maxRank(), relativeError, leftOut.size());
  }
}
