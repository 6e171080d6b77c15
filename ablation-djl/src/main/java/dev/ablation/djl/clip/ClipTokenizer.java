package dev.ablation.djl.clip;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.tokenizer.TokenizerLibrary;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.internal.FileReading;
import dev.ablation.model.PromptTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * The tokenizer of CLIP text encoders (Radford et al., 2021): lower-cased byte-level BPE whose
 * word-final tokens end in {@code </w>}. It gives the ids of the {@code CLIPTokenizer} of
 * transformers, on which published Stable Diffusion models run.
 *
 * <p>A prompt is normalised (NFC, white space collapsed, lower case code point by code point),
 * split into letter runs, single digits, runs of other symbols and English contractions, and merged
 * bytewise. Special tokens in the text are matched as such: {@code <|endoftext|>} anywhere, and
 * every {@code !} where {@code !} is the pad token, as in SD 2.x and the second tokenizer of SDXL.
 *
 * <p>Instances can be shared between threads. They hold native memory: close them.
 */
public final class ClipTokenizer implements PromptTokenizer, AutoCloseable {

  private final HuggingFaceTokenizer tokenizer;
  private final int contextLength;
  private final int vocabularySize;
  private final int startId;
  private final int endId;
  private final int padId;
  private final Map<Integer, List<Integer>> followers;

  private ClipTokenizer(TokenizerFiles files, int contextLength) throws IOException {
    this.contextLength = contextLength;
    vocabularySize = files.size();
    startId = files.startId();
    endId = files.endId();
    padId = files.padId();
    followers = files.followers();
    tokenizer = TokenizerLibrary.open(files.toJson());
  }

  /**
   * Reads a tokenizer folder: {@code tokenizer.json}, or {@code vocab.json} and {@code merges.txt}
   * where it is absent, with {@code tokenizer_config.json}, {@code special_tokens_map.json} and
   * {@code added_tokens.json} where present. The order is that of transformers, so both read the
   * same vocabulary where the two disagree.
   *
   * @param tokenizerFolder folder {@code tokenizer} or {@code tokenizer_2} of a pipeline
   * @param contextLength length of the text encoder's input in tokens, start and end included, at
   *     least 2; a smaller {@code model_max_length} of the folder replaces it
   * @return the tokenizer
   * @throws IOException if a file is missing, malformed or contradicts another, or if a special
   *     token is not in the vocabulary
   */
  public static ClipTokenizer load(Path tokenizerFolder, int contextLength) throws IOException {
    if (contextLength < 2) {
      throw new IllegalArgumentException("contextLength must be at least 2, was " + contextLength);
    }
    return load(tokenizerFolder, TokenizerFiles.read(tokenizerFolder), contextLength);
  }

  private static ClipTokenizer load(Path folder, TokenizerFiles files, int contextLength)
      throws IOException {
    return FileReading.of(
        folder, () -> new ClipTokenizer(files, (int) Math.min(contextLength, files.maxLength())));
  }

  /**
   * Reads the tokenizer of a text model and checks that the model knows all its tokens.
   *
   * @param tokenizerFolder folder of the tokenizer's files
   * @param text the model's configuration
   * @param checkpoint what is opened, for messages
   * @return the tokenizer
   * @throws InvalidCheckpointException if it has more tokens than the model
   * @throws IOException as {@link #load(Path, int)}
   */
  public static ClipTokenizer load(Path tokenizerFolder, ClipTextConfig text, Path checkpoint)
      throws IOException {
    return load(tokenizerFolder, text, checkpoint, List.of());
  }

  /**
   * Reads the tokenizer of a text model and adds tokens to it.
   *
   * @param tokenizerFolder folder of the tokenizer's files
   * @param text the model's configuration, without the tokens to add
   * @param checkpoint what is opened, for messages
   * @param added tokens that are matched in the prompt before BPE; their ids follow the model's.
   *     Where {@code t_1}, {@code t_2} and so on are among them, {@code t} stands for all of them
   * @return the tokenizer
   * @throws InvalidCheckpointException if it has more tokens than the model, or fewer and some are
   *     to be added, or one of them is there already
   * @throws IOException as {@link #load(Path, int)}
   */
  public static ClipTokenizer load(
      Path tokenizerFolder, ClipTextConfig text, Path checkpoint, List<String> added)
      throws IOException {
    TokenizerFiles files = TokenizerFiles.read(tokenizerFolder);
    if (!added.isEmpty() && files.size() < text.vocabularySize()) {
      throw new InvalidCheckpointException(
          checkpoint,
          "the tokenizer must have all %d tokens of the text encoder for some to be added, has %d"
              .formatted(text.vocabularySize(), files.size()));
    }
    int known = files.size();
    ClipTokenizer tokenizer =
        load(tokenizerFolder, files.with(added, tokenizerFolder), text.contextLength());
    if (known > text.vocabularySize()) {
      tokenizer.close();
      throw new InvalidCheckpointException(
          checkpoint,
          "the tokenizer has %d tokens, vocab_size of the text encoder must be as large, was %d"
              .formatted(known, text.vocabularySize()));
    }
    return tokenizer;
  }

  /**
   * Returns the input of the text encoder: start token, tokens of the prompt, end token, padding. A
   * prompt that is too long is truncated; the end token is kept.
   *
   * @param prompt any text
   * @return ids, {@link #contextLength()} many
   */
  public int[] encode(String prompt) {
    long[] ids = expanded(encoding(prompt));
    int kept = kept(ids);
    int[] result = new int[contextLength];
    result[0] = startId;
    for (int i = 0; i < kept; i++) {
      result[i + 1] = Math.toIntExact(ids[i]);
    }
    result[kept + 1] = endId;
    Arrays.fill(result, kept + 2, contextLength, padId);
    return result;
  }

  /**
   * Reads prompts as a text model's input.
   *
   * @param prompts n prompts, at least one
   * @param owner of the result
   * @return {@link #encode} of each, (n, T), int64, in the engine's memory: the backward pass reads
   *     the ids again, and an array in a Java buffer goes with its handle
   */
  public NDArray encode(List<String> prompts, NDManager owner) {
    long[] ids =
        prompts.stream()
            .flatMapToInt(prompt -> Arrays.stream(encode(prompt)))
            .asLongStream()
            .toArray();
    try (NDArray onHeap = owner.create(ids, new Shape(prompts.size(), contextLength))) {
      return onHeap.duplicate();
    }
  }

  /**
   * Returns all tokens of a prompt, also those that do not fit the context.
   *
   * @param prompt any text
   * @return ids without start, end and padding
   */
  public List<Integer> ids(String prompt) {
    return list(expanded(encoding(prompt)));
  }

  /**
   * Returns the number of ones in the attention mask of a prompt. The last word token of the prompt
   * has this number minus 2.
   *
   * @param prompt any text
   * @return length of {@link #encode} without the padding
   */
  public int attentionLength(String prompt) {
    return kept(expanded(encoding(prompt))) + 2;
  }

  /**
   * Returns the end of a prompt that does not fit the context, as it was written. A character whose
   * bytes fit only in part counts as cut.
   *
   * @param prompt any text
   * @return the text from the first token that is cut; empty if all fits
   */
  public String cut(String prompt) {
    return cut(prompt, encoding(prompt));
  }

  @Override
  public Tokens tokens(String prompt) {
    Encoding encoding = encoding(prompt);
    long[] ids = expanded(encoding);
    return new Tokens(list(Arrays.copyOf(ids, kept(ids))), cut(prompt, encoding));
  }

  @Override
  public List<String> words() {
    return TokenizerLibrary.words(tokenizer, vocabularySize);
  }

  /**
   * Returns the text of tokens: words in lower case with one blank between them. Special tokens
   * appear as text.
   *
   * @param ids of the vocabulary
   * @return the text
   */
  public String decode(List<Integer> ids) {
    for (int id : ids) {
      if (id < 0 || id >= vocabularySize) {
        throw new IllegalArgumentException("id must be in [0, " + vocabularySize + "), was " + id);
      }
    }
    long[] values = ids.stream().mapToLong(Integer::longValue).toArray();
    return tokenizer.decode(values, false).replace("</w>", " ").strip();
  }

  /** {@return the length of {@link #encode}, start and end included} */
  public int contextLength() {
    return contextLength;
  }

  /** {@return the number of tokens, added ones included; every id is below it} */
  public int vocabularySize() {
    return vocabularySize;
  }

  /** {@return the id of the token before every prompt} */
  public int startId() {
    return startId;
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

  /** Tokens without start and end. */
  private Encoding encoding(String prompt) {
    return TokenizerLibrary.encode(tokenizer, prompt);
  }

  private int kept(long[] ids) {
    return Math.min(ids.length, contextLength - 2);
  }

  private String cut(String prompt, Encoding encoding) {
    long[] ids = encoding.getIds();
    int fitting = 0;
    int length = 0;
    while (fitting < ids.length) {
      length += 1 + followersOf(ids[fitting]).size();
      if (length > contextLength - 2) {
        break;
      }
      fitting++;
    }
    return TokenizerLibrary.cut(prompt, encoding, fitting);
  }

  private List<Integer> followersOf(long id) {
    return followers.isEmpty() ? List.of() : followers.getOrDefault((int) id, List.of());
  }

  /** The ids with all tokens that some of them stand for. */
  private long[] expanded(Encoding encoding) {
    long[] ids = encoding.getIds();
    if (followers.isEmpty()) {
      return ids;
    }
    return LongStream.of(ids)
        .flatMap(id ->
            LongStream.concat(
                LongStream.of(id), followersOf(id).stream().mapToLong(Integer::longValue)))
        .toArray();
  }

  private static List<Integer> list(long[] ids) {
    return LongStream.of(ids).mapToObj(Math::toIntExact).toList();
  }
}
