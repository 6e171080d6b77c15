package dev.ablation.delta;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CanIgnoreReturnValue;
import com.google.errorprone.annotations.CheckReturnValue;
import com.google.gson.JsonObject;
import dev.ablation.internal.FileReading;
import dev.ablation.model.Capabilities;
import dev.ablation.model.CheckpointExport;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LoraFactors;
import dev.ablation.model.SingleFileExport;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.Weights;
import dev.ablation.provenance.Provenance;
import dev.ablation.safetensors.Checksums;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.safetensors.TensorSource;
import dev.ablation.safetensors.WriteOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A change of some weights of one model: for each name the difference between the ablated and the
 * base weight, float32, in the weight's shape.
 *
 * {@snippet class="dev.ablation.Snippets" region="delta"}
 *
 * <p>A difference is held and saved in the shortest exact form: if few rows change, such as the
 * embeddings of the target's tokens, only those rows; if low-rank changes were trained, their two
 * factors; if a closed form multiplied all weights by one factor, that factor, once. The last form
 * is relative to the base model's weights: where a difference is asked for without the model, such
 * as by {@link #get}, take {@link #resolved} first. Every other method works on every form.
 *
 * <p>A delta owns its arrays, which have their own manager: it outlives the model and the result
 * that it came from, until it is closed. Used by one thread at a time.
 */
@CheckReturnValue
public final class WeightDelta implements AutoCloseable {
  /** Key of the format's version in the header of a delta file. */
  public static final String FORMAT_KEY = "ablation.format";

  /** Key of the provenance in the header of a delta file. */
  public static final String PROVENANCE_KEY = "ablation.provenance";

  /** Key of the gate in the header of a delta file, see {@link ConceptGate#toJson}. */
  public static final String GATE_KEY = "ablation.gate";

  /** Every difference in full. */
  private static final String FORMAT = "weight-delta/1";

  /** Some differences in another form, described in the header. */
  private static final String FORMAT_OF_FORMS = "weight-delta/2";

  /** Some weights share a factor. */
  private static final String FORMAT_OF_FACTORS = "weight-delta/3";

  private static final Set<String> FORMATS = Set.of(FORMAT, FORMAT_OF_FORMS, FORMAT_OF_FACTORS);

  static final String FORMS_KEY = "ablation.forms";

  private final NDManager manager;
  private final Map<String, Change> changes;
  private final Map<String, NDArray> full = new HashMap<>();
  private final Provenance provenance;
  private final @Nullable ConceptGate gate;

  private WeightDelta(
      NDManager manager,
      Map<String, Change> changes,
      Provenance provenance,
      @Nullable ConceptGate gate) {
    this.manager = manager;
    this.changes = changes;
    this.provenance = provenance;
    this.gate = gate;
  }

  /**
   * Creates a delta from trained weights.
   *
   * @param weights of the base model
   * @param trained name to trained weight, float32; copied
   * @param parent the new delta's manager is a child of this one's root
   * @param provenance of the run
   * @return the delta, owned by the caller
   */
  public static WeightDelta between(
      Weights weights, Map<String, NDArray> trained, NDManager parent, Provenance provenance) {
    Map<String, WeightChange> changes = new LinkedHashMap<>();
    trained.forEach((name, weight) -> changes.put(name, WeightChange.replacing(weight)));
    return of(weights, changes, parent, provenance);
  }

  /**
   * Creates a delta from the result of a trainer.
   *
   * @param weights of the base model
   * @param changes name of a weight to its change; copied
   * @param parent the new delta's manager is a child of this one's root
   * @param provenance of the run
   * @return the delta, owned by the caller
   * @throws IllegalArgumentException if there is no such weight, or its shape differs
   */
  public static WeightDelta of(
      Weights weights, Map<String, WeightChange> changes, NDManager parent, Provenance provenance) {
    changes.forEach((name, change) ->
        Preconditions.checkArgument(
            change.shape().equals(weights.get(name).getShape()),
            "change of weight '%s' must have shape %s, was %s",
            name,
            weights.get(name).getShape(),
            change.shape()));
    return of(
        parent,
        provenance,
        null,
        changes.keySet(),
        (name, owner) -> {
          try (NDArray base = weights.copy(name, owner)) {
            return Objects.requireNonNull(changes.get(name), name).stored(base, owner);
          }
        });
  }

  /**
   * Creates a delta from low-rank changes, which it stores without conversion.
   *
   * @param changes name of a weight to the factors of its change; copied
   * @param parent the new delta's manager is a child of this one's root
   * @param provenance of the run
   * @return the delta, owned by the caller
   */
  public static WeightDelta ofLowRank(
      Map<String, LoraFactors> changes, NDManager parent, Provenance provenance) {
    return of(
        parent,
        provenance,
        null,
        changes.keySet(),
        (name, owner) ->
            new LowRankChange(Objects.requireNonNull(changes.get(name), name)).copy(owner));
  }

  /** Builds a delta with its own manager; frees it if an array cannot be created. */
  private static WeightDelta of(
      NDManager parent,
      Provenance provenance,
      @Nullable ConceptGate gate,
      Set<String> names,
      BiFunction<String, NDManager, Change> change) {
    NDManager manager =
        NDManager.newBaseManager(parent.getDevice(), parent.getEngine().getEngineName());
    try {
      Map<String, Change> changes = new LinkedHashMap<>();
      Map<String, WeightFactor> factors = new HashMap<>();
      names.forEach(name -> {
        Change made = change.apply(name, manager);
        changes.put(
            name, made instanceof FactorChange shared ? shared.ownedBy(manager, factors) : made);
      });
      return new WeightDelta(manager, changes, provenance, gate);
    } catch (RuntimeException e) {
      manager.close();
      throw e;
    }
  }

  /** {@return the names of the changed weights; unmodifiable} */
  public Set<String> names() {
    return Collections.unmodifiableSet(changes.keySet());
  }

  /**
   * Returns the difference for one weight. If the delta holds it in a shorter form, the first call
   * computes it and the delta caches it until it is closed.
   *
   * @param name of a changed weight
   * @return float32, in the weight's shape; owned by the delta
   * @throws IllegalArgumentException if the delta does not change that weight
   * @throws IllegalStateException if the delta {@linkplain #isRelative() is relative} to the base
   *     model there
   */
  public NDArray get(String name) {
    return full.computeIfAbsent(name, key -> change(key).full(manager));
  }

  /**
   * Computes a weight after the change.
   *
   * @param name of a changed weight
   * @param base the base model's weight
   * @param owner of the result
   * @return a new array, {@code base} plus the change
   * @throws IllegalArgumentException if the delta does not change that weight
   */
  public NDArray changed(String name, NDArray base, NDManager owner) {
    return change(name).addedTo(base, owner);
  }

  /**
   * Returns one SHA-256 of the changes: of their names, forms and values, without provenance.
   *
   * @return 64 hexadecimal digits
   */
  public String sha256() {
    Map<String, String> lines = new TreeMap<>();
    try {
      for (Map.Entry<String, NDArray> each : arrays().entrySet()) {
        lines.put(each.getKey(), Checksums.of(TensorSource.of(each.getValue())));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e); // arrays in memory are read
    }
    lines.put(FORMS_KEY, forms().toString());
    return Checksums.of(lines);
  }

  /** The tensors of a file. */
  private Map<String, NDArray> arrays() {
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    changes.forEach((name, change) -> arrays.putAll(change.arrays(name)));
    return arrays;
  }

  /** What a file's header says of changes that are not in full. */
  private JsonObject forms() {
    JsonObject forms = new JsonObject();
    new TreeMap<>(changes)
        .forEach((name, change) -> change.form().ifPresent(form -> forms.add(name, form)));
    return forms;
  }

  /**
   * Returns the factors of the difference for one weight, if the delta holds it in that form.
   *
   * @param name of a changed weight
   * @return the factors, owned by the delta; empty if the difference has another form
   * @throws IllegalArgumentException if the delta does not change that weight
   */
  public Optional<LoraFactors> lowRank(String name) {
    return change(name) instanceof LowRankChange held
        ? Optional.of(held.factors())
        : Optional.empty();
  }

  /** {@return whether every difference is held in two factors, as an adapter} */
  public boolean isLowRank() {
    return changes.values().stream().allMatch(LowRankChange.class::isInstance);
  }

  /**
   * {@return whether some change is a factor of the base model's weight, as those of closed forms}
   */
  public boolean isRelative() {
    return changes.values().stream().anyMatch(Change::isRelative);
  }

  /**
   * Returns the same delta with differences that do not refer to the base model: factors of its
   * weights become low-rank changes where they are slim, or else differences in full.
   *
   * @param model the base model that the delta was learned on
   * @return a new delta, owned by the caller
   * @throws DeltaMismatchException if the model is a different one
   */
  public WeightDelta resolved(DiffusionModel model) {
    List<String> problems = differencesFrom(model);
    if (!problems.isEmpty()) {
      throw new DeltaMismatchException(model.descriptor().name(), problems);
    }
    return of(
        manager,
        provenance,
        gate,
        changes.keySet(),
        (name, owner) -> {
          if (!(change(name) instanceof FactorChange held)) {
            return change(name).copy(owner);
          }
          try (NDManager scope = model.newScope()) {
            return held.resolved(own(model.weights(), name, scope), owner);
          }
        });
  }

  /**
   * Returns the same delta without low-rank factors: their products in full.
   *
   * @return a new delta, owned by the caller
   */
  public WeightDelta merged() {
    return of(
        manager,
        provenance,
        gate,
        changes.keySet(),
        (name, owner) ->
            change(name) instanceof LowRankChange held
                ? FullChange.of(held.full(owner), owner)
                : change(name).copy(owner));
  }

  /** Copies the base model's weight, also where another array is bound in its place. */
  private static NDArray own(Weights weights, String name, NDManager owner) {
    if (!weights.isBound(name)) {
      return weights.copy(name, owner);
    }
    NDArray bound = weights.get(name);
    weights.bind(name, null);
    try {
      return weights.copy(name, owner);
    } finally {
      weights.bind(name, bound);
    }
  }

  private Change change(String name) {
    Change change = changes.get(name);
    Preconditions.checkArgument(change != null, "the delta does not change '%s'", name);
    return change;
  }

  /**
   * {@return how strongly prompts ask for the delta; empty if all do alike} The methods that apply
   * a delta to a model apply it in full, gate or not; {@link
   * dev.ablation.sample.FacilitatedTransport} and evaluations scale it by the prompt.
   */
  public Optional<ConceptGate> gate() {
    return Optional.ofNullable(gate);
  }

  /**
   * Returns the same delta with a gate, which files keep.
   *
   * @param gate how strongly a prompt asks for it
   * @return a new delta, owned by the caller
   */
  public WeightDelta gatedBy(ConceptGate gate) {
    return of(
        manager,
        provenance,
        Objects.requireNonNull(gate, "gate"),
        changes.keySet(),
        (name, owner) -> change(name).copy(owner));
  }

  /**
   * Returns the same delta without a gate: it acts on every prompt alike.
   *
   * @return a new delta, owned by the caller
   */
  public WeightDelta ungated() {
    return of(
        manager, provenance, null, changes.keySet(), (name, owner) -> change(name).copy(owner));
  }

  /** {@return the provenance of the delta} */
  public Provenance provenance() {
    return provenance;
  }

  /**
   * {@return the size of the differences in bytes, in the form in which they are held and saved}
   */
  public long sizeInBytes() {
    return arrays().values().stream()
        .mapToLong(array -> array.size() * array.getDataType().getNumOfBytes())
        .sum();
  }

  /**
   * Returns the Euclidean length of the change over all weights.
   *
   * @return not negative
   * @throws IllegalStateException if the delta {@linkplain #isRelative() is relative} to the base
   *     model
   */
  public double norm() {
    double sum = 0;
    for (Change change : changes.values()) {
      try (NDManager scope = manager.newSubManager()) {
        NDArray square = change.full(scope).square();
        square.attach(scope);
        try (NDArray total = square.sum()) {
          sum += total.toType(DataType.FLOAT32, false).getFloat();
        }
      }
    }
    return Math.sqrt(sum);
  }

  /**
   * Returns {@code factor * this}: half a delta ablates half.
   *
   * @param factor finite
   * @return a new delta, owned by the caller
   */
  public WeightDelta scaledBy(double factor) {
    Preconditions.checkArgument(Double.isFinite(factor), "factor must be finite, was %s", factor);
    return of(
        manager,
        provenance.scaledBy(factor),
        gate,
        changes.keySet(),
        (name, owner) -> change(name).scaledBy(factor, owner));
  }

  /**
   * Returns {@code this + other}; weights that only one of them changes are kept. Where both are
   * low-rank changes of a weight, so is their sum: the ranks add up.
   *
   * @param other delta of the same base model
   * @return a new delta, owned by the caller, whose provenance names the settings of both
   * @throws DeltaMismatchException listing every weight whose shape or base differs
   * @throws IllegalArgumentException if their gates differ: a sum has one scale; {@link #ungated}
   *     adds them in full
   */
  public WeightDelta plus(WeightDelta other) {
    Preconditions.checkArgument(
        Objects.equals(gate, other.gate),
        "deltas to be added must have the same gate, had %s and %s; FacilitatedTransport draws with"
            + " several",
        gate,
        other.gate);
    List<String> problems = new ArrayList<>();
    Set<String> names = new LinkedHashSet<>(changes.keySet());
    for (String name : other.names()) {
      if (!names.add(name) && !change(name).shape().equals(other.change(name).shape())) {
        problems.add(
            name + ": shapes " + change(name).shape() + " and " + other.change(name).shape());
      }
    }
    Map<String, String> hashes = new TreeMap<>(provenance.baseWeightSha256());
    other
        .provenance
        .baseWeightSha256()
        .forEach((name, hash) -> {
          String mine = hashes.putIfAbsent(name, hash);
          if (mine != null && !mine.equals(hash)) {
            problems.add(
                "%s: learned on weights with SHA-256 %s and %s".formatted(name, mine, hash));
          }
        });
    if (!problems.isEmpty()) {
      throw new DeltaMismatchException(other.provenance.baseName(), problems);
    }
    return of(
        manager,
        provenance.plus(other.provenance),
        gate,
        names,
        (name, owner) -> {
          Change mine = changes.get(name);
          Change theirs = other.changes.get(name);
          if (mine == null) {
            return Objects.requireNonNull(theirs, name).copy(owner);
          }
          return theirs == null ? mine.copy(owner) : sum(mine, theirs, owner);
        });
  }

  static Change sum(Change mine, Change theirs, NDManager owner) {
    if (mine instanceof FactorChange a) {
      return a.plus(theirs, owner);
    }
    if (theirs instanceof FactorChange b) {
      return b.plus(mine, owner);
    }
    if (mine instanceof LowRankChange a && theirs instanceof LowRankChange b) {
      return a.plus(b, owner);
    }
    try (NDManager scope = owner.newSubManager()) {
      return FullChange.of(theirs.addedTo(mine.full(scope), scope), owner);
    }
  }

  /**
   * Compares the delta with a model.
   *
   * @param model any
   * @return every missing weight, wrong shape and different base weight; empty if the delta matches
   */
  public List<String> differencesFrom(DiffusionModel model) {
    List<String> found = structuralDifferences(model);
    Set<String> known =
        model.weights().list().stream().map(WeightInfo::name).collect(Collectors.toSet());
    provenance
        .baseWeightSha256()
        .forEach((name, hash) -> {
          if (known.contains(name) && !model.weights().sha256(name).equals(hash)) {
            found.add(
                "%s: learned on a weight with SHA-256 %s, the model's has %s"
                    .formatted(name, hash, model.weights().sha256(name)));
          }
        });
    return found;
  }

  private List<String> structuralDifferences(DiffusionModel model) {
    Map<String, WeightInfo> weights =
        model.weights().list().stream().collect(Collectors.toMap(WeightInfo::name, info -> info));
    List<String> found = new ArrayList<>();
    changes.forEach((name, change) -> {
      WeightInfo info = weights.get(name);
      if (info == null) {
        found.add(name + ": the model has no such weight");
      } else if (!info.shape().equals(change.shape())) {
        found.add(
            "%s: shape %s in the delta, %s in the model"
                .formatted(name, change.shape(), info.shape()));
      }
    });
    return found;
  }

  /**
   * Adds the change to a model until the returned scope is closed; then the weights are restored to
   * the last bit. Scopes must be nested.
   *
   * @param model the base model that the delta was learned on
   * @return the scope
   * @throws DeltaMismatchException listing every difference, if the model is a different one
   */
  public Applied applyTo(DiffusionModel model) {
    return applyTo(model, false);
  }

  /**
   * Adds the change to a model until the returned scope is closed.
   *
   * @param model to change
   * @param evenToAnotherBase whether other base weights of the same shapes are accepted
   * @return the scope
   * @throws DeltaMismatchException listing every difference
   */
  public Applied applyTo(DiffusionModel model, boolean evenToAnotherBase) {
    List<String> problems =
        evenToAnotherBase ? structuralDifferences(model) : differencesFrom(model);
    if (!problems.isEmpty()) {
      throw new DeltaMismatchException(model.descriptor().name(), problems);
    }
    return new Applied(model, changes);
  }

  /**
   * Evaluates {@code body} with the change applied and reverts it, also when {@code body} throws.
   *
   * @param model the base model that the delta was learned on
   * @param body what to evaluate
   * @param <R> its result
   * @return the result
   * @throws DeltaMismatchException as {@link #applyTo(DiffusionModel)}
   */
  @CanIgnoreReturnValue
  public <R> R applied(DiffusionModel model, Supplier<R> body) {
    Applied scope = applyTo(model);
    try {
      return body.get();
    } finally {
      scope.close();
    }
  }

  /**
   * Writes the delta as safetensors with its provenance and checksums in the header. The file
   * appears whole or not at all.
   *
   * @param file must not exist
   * @throws java.nio.file.FileAlreadyExistsException if the file exists
   * @throws IOException if it cannot be written
   */
  public void save(Path file) throws IOException {
    Map<String, NDArray> arrays = arrays();
    SafetensorsWriter.write(
        file, arrays, header(arrays), WriteOptions.defaults().refusingExisting());
  }

  /**
   * Writes the bytes of the file of {@link #save}.
   *
   * @param out receives them; not closed
   * @throws IOException if it fails
   */
  public void writeTo(WritableByteChannel out) throws IOException {
    Map<String, NDArray> arrays = arrays();
    Map<String, TensorSource> sources = new LinkedHashMap<>();
    arrays.forEach((name, array) -> sources.put(name, TensorSource.of(array)));
    SafetensorsWriter.writeSources(out, sources, header(arrays));
  }

  private Map<String, String> header(Map<String, NDArray> arrays) throws IOException {
    JsonObject forms = forms();
    Map<String, String> header = new TreeMap<>();
    header.put("format", "pt");
    header.put(
        FORMAT_KEY, isRelative() ? FORMAT_OF_FACTORS : forms.isEmpty() ? FORMAT : FORMAT_OF_FORMS);
    header.put(PROVENANCE_KEY, provenance.toJson());
    if (!forms.isEmpty()) {
      header.put(FORMS_KEY, forms.toString());
    }
    if (gate != null) {
      header.put(GATE_KEY, gate.toJson());
    }
    DeltaChecksums.add(header, arrays);
    return header;
  }

  /**
   * Reads what {@link #save} wrote, and compares it with its checksums. Files of earlier versions
   * have none; they are read, with a note in the log.
   *
   * @param file a delta file
   * @param parent determines engine and device; the delta has its own manager
   * @return the delta, owned by the caller
   * @throws IOException if the file cannot be read, is no delta, differs from its checksums or
   *     holds numbers that are not finite; the message names it
   */
  public static WeightDelta load(Path file, NDManager parent) throws IOException {
    return FileReading.of(file, () -> read(file, parent));
  }

  private static WeightDelta read(Path file, NDManager parent) throws IOException {
    try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
      String format = tensors.metadata().get(FORMAT_KEY);
      String provenance = tensors.metadata().get(PROVENANCE_KEY);
      if (provenance == null || format == null || !FORMATS.contains(format)) {
        throw new IOException(
            "%s: not a weight delta: header key '%s' must be one of %s, was '%s'"
                .formatted(file, FORMAT_KEY, new TreeSet<>(FORMATS), format));
      }
      DeltaChecksums.check(tensors);
      NDManager manager =
          NDManager.newBaseManager(parent.getDevice(), parent.getEngine().getEngineName());
      try {
        Map<String, Change> changes =
            new StoredChanges(tensors, manager)
                .read(tensors.metadata().getOrDefault(FORMS_KEY, "{}"));
        String gate = tensors.metadata().get(GATE_KEY);
        return new WeightDelta(
            manager,
            changes,
            Provenance.fromJson(provenance),
            gate == null ? null : ConceptGate.fromJson(gate));
      } catch (IOException | RuntimeException e) {
        manager.close();
        throw e;
      }
    }
  }

  /**
   * Writes the base model with the change applied: as a complete checkpoint folder, or where the
   * name ends in {@code .safetensors} as a single file such as other programs open. Numbers are
   * float32. It is written atomically; the model does not change.
   *
   * @param model the base model that the delta was learned on
   * @param target folder or file; must not exist
   * @throws DeltaMismatchException if the model is a different one
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model cannot be exported so
   * @throws IOException if the target exists or cannot be written
   */
  public void export(DiffusionModel model, Path target) throws IOException {
    if (String.valueOf(target.getFileName()).toLowerCase(Locale.ROOT).endsWith(".safetensors")) {
      export(model, target, WriteOptions.defaults().refusingExisting());
      return;
    }
    CheckpointExport export = Capabilities.require(model, CheckpointExport.class, "export");
    Applied scope = applyTo(model);
    try {
      export.export(target);
    } finally {
      scope.close();
    }
  }

  /**
   * Writes the base model with the change applied as a single file such as other programs open. The
   * header has the provenance of the change. The file is written atomically; the model does not
   * change.
   *
   * @param model the base model that the delta was learned on
   * @param file its folder must exist
   * @param options format of the numbers, such as {@code
   *     WriteOptions.defaults().storingFloatsAs(Dtype.F16)}, and whether a file that exists is
   *     replaced
   * @throws DeltaMismatchException if the model is a different one
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model cannot be exported so
   * @throws IOException if the file exists and is not to be replaced, or cannot be written
   */
  public void export(DiffusionModel model, Path file, WriteOptions options) throws IOException {
    SingleFileExport export =
        Capabilities.require(model, SingleFileExport.class, "export of a single file");
    Applied scope = applyTo(model);
    try {
      export.export(file, options, Map.of(PROVENANCE_KEY, provenance.toJson()));
    } finally {
      scope.close();
    }
  }

  /** Frees the differences. Closing twice does nothing. */
  @Override
  public void close() {
    manager.close();
  }

  @Override
  public String toString() {
    return "delta of %d weights of '%s'".formatted(changes.size(), provenance.baseName());
  }

  /** An applied delta; closing it reverts the change, once. */
  public static final class Applied implements AutoCloseable {
    private final DiffusionModel model;
    private final NDManager scope;
    private final Map<String, @Nullable NDArray> before = new LinkedHashMap<>();
    private final Map<String, NDArray> applied = new LinkedHashMap<>();
    private boolean open = true;

    private Applied(DiffusionModel model, Map<String, Change> changes) {
      this.model = model;
      scope = model.newScope();
      try {
        changes.forEach((name, change) -> {
          boolean bound = model.weights().isBound(name);
          NDArray current = bound ? model.weights().get(name) : model.weights().copy(name, scope);
          NDArray changed;
          if (bound && change.isRelative()) {
            try (NDArray base = own(model.weights(), name, scope)) {
              changed = change.addedTo(current, base, scope);
            }
          } else {
            changed = change.addedTo(current, scope);
          }
          if (!bound) {
            current.close();
          }
          model.weights().bind(name, changed); // refused while another thread uses the model
          before.put(name, bound ? current : null);
          applied.put(name, changed);
        });
      } catch (RuntimeException e) {
        close();
        throw e;
      }
    }

    /**
     * Makes the change permanent in the model's own weights, and ends the scope.
     *
     * @throws IllegalStateException if another change of the same weights is applied around or
     *     within this one, since it would become permanent too; then nothing changes
     */
    public void keep() {
      if (open) {
        List<String> shared =
            applied.keySet().stream()
                .filter(name ->
                    before.get(name) != null || model.weights().get(name) != applied.get(name))
                .toList();
        if (!shared.isEmpty()) {
          throw new IllegalStateException(
              ("a change can be kept only where no other one is applied: close the others of %s"
                      + " first")
                  .formatted(shared));
        }
        before.keySet().forEach(name -> model.weights().bind(name, null));
        applied.forEach(model.weights()::overwrite);
        open = false;
        scope.close();
      }
    }

    /** Reverts the change. */
    @Override
    public void close() {
      if (open) {
        open = false;
        before.forEach(model.weights()::bind);
        scope.close();
      }
    }
  }
}
