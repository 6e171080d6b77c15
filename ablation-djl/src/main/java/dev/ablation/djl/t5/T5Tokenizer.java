package dev.ablation.djl.t5;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.tokenizer.TokenizerLibrary;
import dev.ablation.internal.FileReading;
import dev.ablation.model.PromptTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;

/**
 * The tokenizer of T5: pieces of a unigram language model (Kudo 2018, arXiv 1804.10959), read from
 * {@code tokenizer.json} or, where that is absent, from {@code spiece.model}. Upper and lower case
 * differ; the end token follows every prompt, and characters that no piece has become one unknown
 * token.
 *
 * <p>Instances can be shared between threads. They hold native memory: close them.
 */
public final class T5Tokenizer implements PromptTokenizer, AutoCloseable {
  private final HuggingFaceTokenizer tokenizer;
  private final int contextLength;
  private final int vocabularySize;
  private final int endId;
  private final int padId;

  private T5Tokenizer(T5Vocabulary vocabulary, int contextLength) throws IOException {
    this.contextLength = contextLength;
    vocabularySize = vocabulary.size();
    endId = vocabulary.endId();
    padId = vocabulary.padId();
    tokenizer = TokenizerLibrary.open(vocabulary.json());
  }

  /**
   * Reads a tokenizer folder.
   *
   * @param tokenizerFolder with {@code tokenizer.json} or {@code spiece.model}
   * @param contextLength length of the text encoder's input in tokens, the end token included, at
   *     least 1: 256 for Stable Diffusion 3, 512 for FLUX.1-dev, 256 for FLUX.1-schnell
   * @return the tokenizer
   * @throws IOException if a file is missing, malformed or that of another kind of tokenizer
   */
  public static T5Tokenizer load(Path tokenizerFolder, int contextLength) throws IOException {
    if (contextLength < 1) {
      throw new IllegalArgumentException("contextLength must be at least 1, was " + contextLength);
    }
    return FileReading.of(
        tokenizerFolder, () -> new T5Tokenizer(T5Vocabulary.read(tokenizerFolder), contextLength));
  }

  /**
   * Returns the input of the text encoder: tokens of the prompt, end token, padding. A prompt that
   * is too long is cut, see {@link #cut}; the end token stays.
   *
   * @param prompt any text
   * @return ids, {@link #contextLength()} many
   */
  public int[] encode(String prompt) {
    return encode(prompt, contextLength);
  }

  /**
   * {@link #encode(String)} with a length of its own.
   *
   * @param prompt any text
   * @param length in tokens, the end token included, at least 1
   * @return ids, {@code length} many
   */
  public int[] encode(String prompt, int length) {
    if (length < 1) {
      throw new IllegalArgumentException("length must be at least 1, was " + length);
    }
    long[] ids = TokenizerLibrary.encode(tokenizer, prompt).getIds();
    int kept = Math.min(ids.length, length - 1);
    int[] result = new int[length];
    for (int i = 0; i < kept; i++) {
      result[i] = Math.toIntExact(ids[i]);
    }
    result[kept] = endId;
    Arrays.fill(result, kept + 1, length, padId);
    return result;
  }

  /**
   * Reads prompts as a text encoder's input.
   *
   * @param prompts n prompts, at least one
   * @param length in tokens, the end token included, at least 1
   * @param owner of the result
   * @return {@link #encode} of each, (n, length), int64, in the engine's memory
   */
  public NDArray encode(List<String> prompts, int length, NDManager owner) {
    long[] ids =
        prompts.stream()
            .flatMapToInt(prompt -> Arrays.stream(encode(prompt, length)))
            .asLongStream()
            .toArray();
    try (NDArray onHeap = owner.create(ids, new Shape(prompts.size(), length))) {
      return onHeap.duplicate();
    }
  }

  /**
   * Returns all tokens of a prompt, also those that do not fit the context.
   *
   * @param prompt any text
   * @return ids without end and padding
   */
  public List<Integer> ids(String prompt) {
    return list(TokenizerLibrary.encode(tokenizer, prompt).getIds());
  }

  /**
   * Returns the number of ones in the attention mask of a prompt, which counts the end token.
   *
   * @param prompt any text
   * @return length of {@link #encode(String)} without the padding
   */
  public int attentionLength(String prompt) {
    return Math.min(ids(prompt).size(), contextLength - 1) + 1;
  }

  /**
   * Returns the end of a prompt that does not fit the context, as it was written.
   *
   * @param prompt any text
   * @return the text from the first token that is cut; empty if all fits
   */
  public String cut(String prompt) {
    return tokens(prompt).cut();
  }

  @Override
  public Tokens tokens(String prompt) {
    Encoding encoding = TokenizerLibrary.encode(tokenizer, prompt);
    long[] ids = encoding.getIds();
    int kept = Math.min(ids.length, contextLength - 1);
    return new Tokens(list(Arrays.copyOf(ids, kept)), TokenizerLibrary.cut(prompt, encoding, kept));
  }

  @Override
  public List<String> words() {
    return TokenizerLibrary.words(tokenizer, vocabularySize);
  }

  /** {@return the length of {@link #encode(String)}, end token included} */
  public int contextLength() {
    return contextLength;
  }

  /** {@return the number of tokens, added ones included; every id is below it} */
  public int vocabularySize() {
    return vocabularySize;
  }

  /** {@return the id of the token after every prompt} */
  public int endId() {
    return endId;
  }

  /** {@return the id of the token that fills the context} */
  public int padId() {
    return padId;
  }

  /** Frees the native memory. The tokenizer cannot be used afterwards. */
  @Override
  public void close() {
    tokenizer.close();
  }

  private static List<Integer> list(long[] ids) {
    return LongStream.of(ids).mapToObj(Math::toIntExact).toList();
  }
}
