package dev.ablation.djl.internal.torchfile;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The instructions of Python's pickle machine that tensors in dictionaries need (protocols 2 to 4).
 * Another instruction, another name or another use of a name ends the reading. Values are {@code
 * Map}, {@code List}, {@code Tuple}, {@code String}, {@code Long}, {@code BigInteger}, {@code
 * Double}, {@code Boolean}, {@link TorchTensor} and null.
 */
final class PickleReader {
  private static final int MAX_OPERATIONS = 4_000_000;
  private static final int MAX_STACK = 1_000_000;
  private static final int MAX_MARKS = 64;
  private static final int MAX_NAME = 200;

  /** A sequence, which is also what a set and a {@code torch.Size} become. */
  record Tuple(List<@Nullable Object> items) {}

  /** Finds the storage that a persistent id names. */
  @FunctionalInterface
  interface Storages {
    TorchStorage find(Symbol type, String key, long elements);
  }

  private enum Nothing {
    MARK
  }

  /** A dictionary that may be given a state by BUILD. */
  private static final class ParameterDict extends LinkedHashMap<Object, @Nullable Object> {
    private static final long serialVersionUID = 1L;
  }

  private static final class OrderedDict extends LinkedHashMap<Object, @Nullable Object> {
    private static final long serialVersionUID = 1L;
  }

  private final ByteBuffer in;
  private final Storages storages;
  private final List<@Nullable Object> stack = new ArrayList<>();
  private final Deque<Integer> marks = new ArrayDeque<>();
  private final Map<Long, @Nullable Object> memo = new HashMap<>();
  private long operations;

  /**
   * Creates a machine for one pickle.
   *
   * @param in stands at its begin, and after {@link #read} behind its end
   * @param storages of the file
   */
  PickleReader(ByteBuffer in, Storages storages) {
    this.in = in.order(ByteOrder.LITTLE_ENDIAN);
    this.storages = storages;
  }

  /** Runs the pickle. */
  @Nullable Object read() {
    while (true) {
      charge(1);
      need(1);
      int operation = in.get() & 0xff;
      if (operation == '.') {
        Object result = pop();
        if (!stack.isEmpty()) {
          throw new PickleException("its pickle ends with values left over");
        }
        return result;
      }
      run(operation);
      if (stack.size() > MAX_STACK) {
        throw new PickleException("its pickle must not stack more than " + MAX_STACK + " values");
      }
    }
  }

  /** Counts what takes time or memory: a file of a few bytes could ask for copies of copies. */
  private void charge(int work) {
    operations += work;
    if (operations > MAX_OPERATIONS) {
      throw new PickleException(
          "its pickle must not have more than " + MAX_OPERATIONS + " instructions");
    }
  }

  private void run(int operation) {
    switch (operation) {
      case 0x80 -> protocol(unsigned());
      case 0x95 -> frame();
      case '}' -> stack.add(new LinkedHashMap<>());
      case ']' -> stack.add(new ArrayList<>(0));
      case ')' -> stack.add(new Tuple(List.of()));
      case '(' -> mark();
      case 'X' -> stack.add(text(unsignedInt()));
      case 0x8c -> stack.add(text(unsigned()));
      case 'q' -> memo.put((long) unsigned(), peek());
      case 'r' -> memo.put(unsignedInt(), peek());
      case 0x94 -> memo.put((long) memo.size(), peek());
      case 'h' -> get(unsigned());
      case 'j' -> get(unsignedInt());
      case 'J' -> stack.add((long) integer());
      case 'K' -> stack.add((long) unsigned());
      case 'M' -> stack.add((long) unsignedShort());
      case 0x8a -> stack.add(longInteger(unsigned()));
      case 'G' -> stack.add(real());
      case 'N' -> stack.add(null);
      case 0x88 -> stack.add(true);
      case 0x89 -> stack.add(false);
      case 't' -> stack.add(new Tuple(popToMark()));
      case 0x85 -> tuple(1);
      case 0x86 -> tuple(2);
      case 0x87 -> tuple(3);
      case 'Q' -> stack.add(storage(pop()));
      case 'c' -> stack.add(Symbol.of(line(), line()));
      case 0x93 -> stackGlobal();
      case 'R' -> reduce();
      case 0x81 -> newObject();
      case 'b' -> build();
      case 's' -> setItem();
      case 'u' -> setItems();
      case 'a' -> append();
      case 'e' -> appends();
      default ->
          throw new PickleException(
              ("its pickle has the instruction 0x%02x, which tensors in dictionaries do not need;"
                      + " the file is refused")
                  .formatted(operation));
    }
  }

  // Bytes

  private void need(long bytes) {
    if (bytes < 0 || in.remaining() < bytes) {
      throw new PickleException("its pickle is cut off");
    }
  }

  private int unsigned() {
    need(1);
    return in.get() & 0xff;
  }

  private int unsignedShort() {
    need(2);
    return in.getShort() & 0xffff;
  }

  private int integer() {
    need(4);
    return in.getInt();
  }

  private long unsignedInt() {
    return Integer.toUnsignedLong(integer());
  }

  private double real() {
    need(8);
    return Double.longBitsToDouble(Long.reverseBytes(in.getLong()));
  }

  private Object longInteger(int bytes) {
    need(bytes);
    byte[] digits = new byte[bytes];
    for (int i = bytes - 1; i >= 0; i--) {
      digits[i] = in.get();
    }
    BigInteger value = bytes == 0 ? BigInteger.ZERO : new BigInteger(digits);
    return value.bitLength() < Long.SIZE ? value.longValue() : value;
  }

  private String text(long bytes) {
    need(bytes);
    ByteBuffer part = in.slice(in.position(), (int) bytes);
    in.position(in.position() + (int) bytes);
    return decoded(part);
  }

  private static String decoded(ByteBuffer bytes) {
    try {
      CharBuffer text = StandardCharsets.UTF_8.newDecoder().decode(bytes);
      return text.toString();
    } catch (CharacterCodingException e) {
      throw new PickleException("its pickle has a text that is no UTF-8");
    }
  }

  private String line() {
    int start = in.position();
    for (int length = 0; length <= MAX_NAME; length++) {
      if (unsigned() == '\n') {
        return decoded(in.slice(start, length));
      }
    }
    throw new PickleException("its pickle has a name of more than " + MAX_NAME + " bytes");
  }

  private static void protocol(int version) {
    if (version < 2 || version > 4) {
      throw new PickleException("its pickle must have protocol 2, 3 or 4, has " + version);
    }
  }

  private void frame() {
    need(8);
    need(in.getLong());
  }

  // Stack

  private @Nullable Object pop() {
    int floor = marks.isEmpty() ? 0 : marks.getFirst() + 1;
    if (stack.size() <= floor) {
      throw new PickleException("its pickle takes a value that is not there");
    }
    return stack.remove(stack.size() - 1);
  }

  private @Nullable Object peek() {
    if (stack.isEmpty() || stack.get(stack.size() - 1) == Nothing.MARK) {
      throw new PickleException("its pickle uses a value that is not there");
    }
    return stack.get(stack.size() - 1);
  }

  private void mark() {
    if (marks.size() >= MAX_MARKS) {
      throw new PickleException("its pickle must not nest deeper than " + MAX_MARKS);
    }
    marks.push(stack.size());
    stack.add(Nothing.MARK);
  }

  private List<@Nullable Object> popToMark() {
    if (marks.isEmpty()) {
      throw new PickleException("its pickle ends a sequence that was not begun");
    }
    int mark = marks.pop();
    List<@Nullable Object> items = new ArrayList<>(stack.subList(mark + 1, stack.size()));
    stack.subList(mark, stack.size()).clear();
    return items;
  }

  private void get(long key) {
    if (!memo.containsKey(key)) {
      throw new PickleException("its pickle recalls a value that it did not store");
    }
    stack.add(memo.get(key));
  }

  private void tuple(int size) {
    List<@Nullable Object> items = new ArrayList<>(size);
    for (int i = 0; i < size; i++) {
      items.add(0, pop());
    }
    stack.add(new Tuple(items));
  }

  // Containers

  private void setItem() {
    Object value = pop();
    Object key = pop();
    put(peek(), key, value);
  }

  private void setItems() {
    List<@Nullable Object> items = popToMark();
    if (items.size() % 2 != 0) {
      throw new PickleException("its pickle has a key without a value");
    }
    for (int i = 0; i < items.size(); i += 2) {
      put(peek(), items.get(i), items.get(i + 1));
    }
  }

  @SuppressWarnings("unchecked")
  private static void put(@Nullable Object map, @Nullable Object key, @Nullable Object value) {
    // Keys that are containers could contain themselves.
    if (!(map instanceof Map<?, ?>)
        || !(key instanceof String || key instanceof Long || key instanceof Boolean)) {
      throw new PickleException(
          "its pickle has a dictionary with keys that are neither texts nor"
              + " numbers, or sets an item of something else");
    }
    ((Map<Object, @Nullable Object>) map).put(key, value);
  }

  private void append() {
    Object value = pop();
    list(peek()).add(value);
  }

  private void appends() {
    List<@Nullable Object> items = popToMark();
    list(peek()).addAll(items);
  }

  @SuppressWarnings("unchecked")
  private static List<@Nullable Object> list(@Nullable Object value) {
    if (value instanceof List<?>) {
      return (List<@Nullable Object>) value;
    }
    throw new PickleException("its pickle appends to what is no list");
  }

  // Objects

  private void stackGlobal() {
    Object name = pop();
    Object module = pop();
    if (!(module instanceof String m) || !(name instanceof String n)) {
      throw new PickleException("its pickle has a name that is no text");
    }
    stack.add(Symbol.of(m, n));
  }

  private void reduce() {
    Object arguments = pop();
    Object function = pop();
    if (!(function instanceof Symbol symbol) || !(arguments instanceof Tuple tuple)) {
      throw new PickleException("its pickle calls what is no function");
    }
    List<@Nullable Object> items = tuple.items();
    stack.add(
        switch (symbol) {
          case ORDERED_DICT -> orderedDict(items);
          case PARAMETER_DICT -> emptyParameterDict(items);
          case SET, SIZE -> sequence(symbol, items);
          case TENSOR -> tensor(items);
          case PARAMETER -> parameter(items);
          default -> throw new PickleException("its pickle calls " + symbol + " as a function");
        });
  }

  private void newObject() {
    Object arguments = pop();
    Object type = pop();
    if (type != Symbol.PARAMETER_DICT || !(arguments instanceof Tuple tuple)) {
      throw new PickleException("its pickle makes an object of another type than ParameterDict");
    }
    stack.add(emptyParameterDict(tuple.items()));
  }

  private static ParameterDict emptyParameterDict(List<@Nullable Object> items) {
    if (!items.isEmpty()) {
      throw new PickleException("its pickle makes a ParameterDict of " + items.size() + " values");
    }
    return new ParameterDict();
  }

  private void build() {
    Object state = pop();
    Object object = peek();
    if (!(state instanceof Map<?, ?> map)) {
      throw new PickleException("its pickle gives an object a state that is no dictionary");
    }
    if (object instanceof ParameterDict parameters) {
      if (map.get("_parameters") instanceof Map<?, ?> own && own != object) {
        charge(own.size());
        own.forEach((key, value) -> put(parameters, key, value));
      }
    } else if (!(object instanceof OrderedDict)) {
      throw new PickleException("its pickle gives a state to what is no dictionary");
    } // of a dictionary the state, such as _metadata, says nothing about its content
  }

  private OrderedDict orderedDict(List<@Nullable Object> items) {
    OrderedDict dict = new OrderedDict();
    if (items.size() > 1 || (items.size() == 1 && !(items.get(0) instanceof List<?>))) {
      throw new PickleException("its pickle makes an OrderedDict of something else than pairs");
    }
    if (items.size() == 1) {
      List<@Nullable Object> pairs = list(items.get(0));
      charge(pairs.size());
      for (Object pair : pairs) {
        List<?> both =
            pair instanceof Tuple tuple
                ? tuple.items()
                : pair instanceof List<?> list ? list : List.of();
        if (both.size() != 2) {
          throw new PickleException("its pickle makes an OrderedDict of something else than pairs");
        }
        put(dict, both.get(0), both.get(1));
      }
    }
    return dict;
  }

  private static Tuple sequence(Symbol symbol, List<@Nullable Object> items) {
    if (items.size() == 1 && items.get(0) instanceof Tuple tuple) {
      return tuple;
    }
    if (items.size() == 1 && items.get(0) instanceof List<?> list) {
      return new Tuple(list(list));
    }
    throw new PickleException("its pickle makes a " + symbol + " of something else than a list");
  }

  private TorchStorage storage(@Nullable Object id) {
    List<?> parts = id instanceof Tuple tuple ? tuple.items() : List.of();
    if ((parts.size() == 5 || (parts.size() == 6 && parts.get(5) == null))
        && "storage".equals(parts.get(0))
        && parts.get(1) instanceof Symbol type
        && type.dtype().isPresent()
        && parts.get(2) instanceof String key
        && parts.get(3) instanceof String
        && parts.get(4) instanceof Long elements) {
      return storages.find(type, key, elements);
    }
    throw new PickleException("its pickle refers to something outside that is no storage");
  }

  private static TorchTensor tensor(List<@Nullable Object> items) {
    if (items.size() < 6
        || items.size() > 7
        || !(items.get(0) instanceof TorchStorage storage)
        || !(items.get(1) instanceof Long offset)
        || !(items.get(2) instanceof Tuple sizes)
        || !(items.get(3) instanceof Tuple steps)
        || !(items.get(4) instanceof Boolean gradient)) {
      throw new PickleException("its pickle makes a tensor of something else than a storage");
    }
    int rank = sizes.items().size();
    if (rank != steps.items().size() || rank > MAX_MARKS || offset < 0) {
      throw new PickleException(
          "a tensor's sizes and strides must agree, and its offset must not be negative");
    }
    long[] shape = numbers(sizes);
    long[] strides = numbers(steps);
    checkRange(storage, offset, shape, strides);
    return new TorchTensor(storage, offset, shape, strides, gradient);
  }

  private static long[] numbers(Tuple tuple) {
    long[] numbers = new long[tuple.items().size()];
    for (int i = 0; i < numbers.length; i++) {
      if (!(tuple.items().get(i) instanceof Long number) || number < 0) {
        throw new PickleException("a tensor's sizes and strides must be numbers, not negative");
      }
      numbers[i] = number;
    }
    return numbers;
  }

  /** Every element must lie in the storage, and there must not be more than it has. */
  private static void checkRange(TorchStorage storage, long offset, long[] shape, long[] strides) {
    try {
      long last = offset;
      long count = 1;
      boolean empty = false;
      for (int i = 0; i < shape.length; i++) {
        empty |= shape[i] == 0;
        count = Math.multiplyExact(count, shape[i]);
        last = Math.addExact(last, Math.multiplyExact(Math.max(0, shape[i] - 1), strides[i]));
      }
      if (empty || (last < storage.elements() && count <= storage.elements())) {
        return;
      }
    } catch (ArithmeticException e) {
      // as if it were too large, which it is
    }
    throw new PickleException(
        "a tensor must lie in its storage of %d numbers, its shape is %s from number %d"
            .formatted(storage.elements(), Arrays.toString(shape), offset));
  }

  private static TorchTensor parameter(List<@Nullable Object> items) {
    if (items.size() == 3
        && items.get(0) instanceof TorchTensor tensor
        && items.get(1) instanceof Boolean gradient) {
      return tensor.withGradient(gradient);
    }
    throw new PickleException("its pickle makes a parameter of something else than a tensor");
  }
}
