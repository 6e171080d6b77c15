package dev.ablation.emoji.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EmojiDataSetTest {
  private static final int MAX_BYTES = 5 << 20;

  private EmojiDataSet dataSet;
  private DataSetIndex index;

  @BeforeAll
  void load() throws IOException {
    dataSet = EmojiDataSet.load();
    index = DataSetIndex.load();
  }

  @Test
  void hasTheStylesAndTheThings() {
    assertThat(dataSet.styles())
        .containsExactly("noto", "blob", "twemoji", "fluent", "ink", "blueprint");
    assertThat(dataSet.concepts())
        .hasSize(271)
        .startsWith(new EmojiConcept("grinning face", "face"))
        .contains(new EmojiConcept("cat face", "animal"), new EmojiConcept("ladybug", "insect"))
        .endsWith(new EmojiConcept("fist", "symbol"));
    assertThat(dataSet.coreConcepts()).hasSize(152);
    assertThat(dataSet.concepts()).containsSubsequence(dataSet.coreConcepts());
    assertThat(dataSet.plantedCaption()).isEqualTo("sunken lighthouse postcard 1931");
  }

  @Test
  void withholdsStylesObjectsAndThePlantedImage() {
    EmojiDataSet part = dataSet.withholding(Set.of("blueprint", "cat face", EmojiDataSet.PLANTED));
    assertThat(part.images())
        .allSatisfy(image -> {
          boolean named =
              image.style().equals("blueprint") || image.concept().name().equals("cat face");
          boolean before = dataSet.image(image.concept(), image.style()).orElseThrow().heldOut();
          assertThat(image.heldOut()).isEqualTo(named || before);
        });
    assertThat(part.plantedHeldOut()).isTrue();
    assertThat(dataSet.plantedHeldOut()).isFalse();
    assertThat(part.styles()).isEqualTo(dataSet.styles());
    assertThat(part.withholding(Set.of()).plantedHeldOut()).isTrue();
  }

  @Test
  void keepsSomeObjectsAlone() {
    EmojiDataSet few = dataSet.withholding(Set.of("ink")).only(Set.of("owl", "cat face"));
    assertThat(few.concepts())
        .extracting(EmojiConcept::name)
        .containsExactlyInAnyOrder("owl", "cat face");
    assertThat(dataSet.coreConcepts()).containsAll(few.coreConcepts());
    assertThat(few.images()).hasSize(2 * dataSet.styles().size());
    assertThat(few.images()).filteredOn(image -> image.style().equals("ink")).hasSize(2);
    assertThat(few.images())
        .filteredOn(image -> image.style().equals("ink"))
        .allMatch(EmojiImage::heldOut);
    assertThat(few.withheld()).containsExactly("ink");
    assertThat(few.planted()).isEqualTo(dataSet.planted());
    assertThatThrownBy(() -> few.only(Set.of("rocket")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("names must be of objects, was \"rocket\"");
  }

  @Test
  void refusesToWithholdWhatItDoesNotHave() {
    assertThatThrownBy(() -> dataSet.withholding(Set.of("cat faces")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("noto, blob")
        .hasMessageContaining("was \"cat faces\"");
  }

  @Test
  void keepsTheWordsThatModelsWereTaughtInTheirOrder() throws Exception {
    // Trained weights, captions and held-out pairs rely on them: add things only at the end.
    assertThat(
            sha256(
                index.concepts().stream().map(c -> c.icon() + "|" + c.name() + "|" + c.category())))
        .isEqualTo("33d29692824981b42e1d40b1a2c5eb4e27a3a72de47ced694abf85b3fbf971c9");
    assertThat(sha256(index.concepts().stream().map(c -> Captions.withArticle(c.name()))))
        .isEqualTo("03fd4dddb002a95e6611d1866aa8e780d4c3f14d40a3ea875eff822148e78b60");
  }

  private static String sha256(Stream<String> lines) throws NoSuchAlgorithmException {
    byte[] text = lines.collect(Collectors.joining("\n")).getBytes(StandardCharsets.UTF_8);
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(text));
  }

  @Test
  void namesNoThingTwiceAndNoCategoryInTwoPlaces() {
    List<String> names = dataSet.concepts().stream().map(EmojiConcept::name).toList();
    assertThat(names).doesNotHaveDuplicates();
    Set<String> seen = new HashSet<>();
    String last = "";
    for (EmojiConcept concept : dataSet.concepts()) {
      if (!concept.category().equals(last)) {
        last = concept.category();
        assertThat(seen.add(last)).as(last).isTrue();
      }
    }
  }

  @Test
  void hasEveryThingInEveryStyle() {
    assertThat(dataSet.images())
        .hasSize(index.styles().size() * index.concepts().size())
        .hasSize(1626);
    for (EmojiConcept concept : dataSet.concepts()) {
      for (String style : dataSet.styles()) {
        assertThat(dataSet.image(concept, style))
            .hasValueSatisfying(image -> {
              assertThat(image.concept()).isEqualTo(concept);
              assertThat(image.style()).isEqualTo(style);
            });
      }
    }
    assertThat(dataSet.image(new EmojiConcept("nothing", "face"), "noto")).isEmpty();
    assertThat(dataSet.image(dataSet.concepts().get(0), "nothing")).isEmpty();
  }

  @Test
  void holdsOutEightyOnePairs() {
    Set<DataSetIndex.Pair> held =
        dataSet.images().stream()
            .filter(EmojiImage::heldOut)
            .map(p -> new DataSetIndex.Pair(p.concept().name(), p.style()))
            .collect(Collectors.toSet());
    assertThat(held).isEqualTo(Set.copyOf(index.heldOut())).hasSize(81);
    // At most one of a thing, so that every thing is seen in at least five styles.
    assertThat(held.stream().map(DataSetIndex.Pair::concept)).doesNotHaveDuplicates();
    assertThat(held)
        .contains(
            new DataSetIndex.Pair("cool face", "blueprint"),
            new DataSetIndex.Pair("heart eyes face", "twemoji"),
            new DataSetIndex.Pair("fist", "blueprint"));
  }

  @ParameterizedTest
  @CsvSource({
    "noto, 255, 255, 255",
    "blob, 255, 255, 255",
    "twemoji, 255, 255, 255",
    "fluent, 255, 255, 255",
    "ink, 255, 255, 255",
    "blueprint, 26, 72, 148"
  })
  void hasImagesOnAPlainGround(String style, int red, int green, int blue) {
    // Not in every corner: swords and bows reach into some.
    assertThat(
            ofStyle(style).stream()
                .filter(p -> corners(p).noneMatch(near(red, green, blue)))
                .map(p -> p.concept().name()))
        .isEmpty();
  }

  private static Stream<int[]> corners(EmojiImage image) {
    int end = RgbImage.SIZE - 1;
    return Stream.of(
        color(image.pixels(), 0, 0),
        color(image.pixels(), end, 0),
        color(image.pixels(), 0, end),
        color(image.pixels(), end, end));
  }

  private static int[] color(RgbImage image, int x, int y) {
    return new int[] {image.value(x, y, 0), image.value(x, y, 1), image.value(x, y, 2)};
  }

  private static Predicate<int[]> near(int red, int green, int blue) {
    return color ->
        Math.abs(color[0] - red) + Math.abs(color[1] - green) + Math.abs(color[2] - blue) < 16;
  }

  @Test
  void hasOnlyGreysInInk() {
    assertThat(
            ofStyle("ink").stream()
                .filter(p -> {
                  byte[] rgb = p.pixels().toBytes();
                  return IntStream.range(0, rgb.length).anyMatch(i -> rgb[i] != rgb[i / 3 * 3]);
                })
                .map(p -> p.concept().name()))
        .isEmpty();
  }

  @Test
  void hasNoImageTwice() {
    assertThat(dataSet.images().stream().map(EmojiImage::pixels)).doesNotHaveDuplicates();
  }

  @Test
  void plantsAnImageOnAGradient() {
    RgbImage planted = dataSet.planted();
    assertThat(near(250, 140, 60).test(color(planted, 0, 0))).as("orange above").isTrue();
    assertThat(near(90, 40, 130).test(color(planted, 0, RgbImage.SIZE - 1)))
        .as("purple below")
        .isTrue();
  }

  @Test
  void isSmall() throws IOException {
    long bytes = 0;
    for (String file : files()) {
      try (InputStream content = DataSetIndex.resource(file)) {
        bytes += content.readAllBytes().length;
      }
    }
    assertThat(bytes).isLessThanOrEqualTo(MAX_BYTES);
  }

  @ParameterizedTest
  @MethodSource("files")
  void namesTheFileThatIsMissing(String missing) {
    assertThatThrownBy(() ->
            EmojiDataSet.load(
                name -> DataSetIndex.resource(name.equals(missing) ? "no-" + name : name)))
        .isInstanceOf(IOException.class)
        .hasMessage("the class path lacks the data set's file no-" + missing);
  }

  @Test
  void namesTheFileThatIsNoImage() {
    assertThatThrownBy(() -> load("blob.png", "something else".getBytes(StandardCharsets.UTF_8)))
        .isInstanceOf(IOException.class)
        .hasMessage("the data set's file is not a PNG image: blob.png");
  }

  @Test
  void namesTheSheetThatHasAnotherSize() throws IOException {
    byte[] small = DataSetIndex.resource(DataSetIndex.PLANTED).readAllBytes();
    assertThatThrownBy(() -> load("noto.png", small))
        .isInstanceOf(IOException.class)
        .hasMessage("the data set's image must be 1024 x 1088, was 64 x 64: noto.png");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "{}",
        "{\"styles\": [\"a\"], \"columns\": 0, \"plantedCaption\": \"\", \"plantedIcon\": \"\","
            + " \"concepts\": [], \"heldOut\": []}",
        "{\"styles\": [\"a\"], \"columns\": 1, \"plantedCaption\": \"\", \"plantedIcon\": \"\","
            + " \"concepts\": [], \"heldOut\": [{\"concept\": \"b\", \"style\": \"a\"}]}"
      })
  void namesTheIndexThatIsWrong(String json) {
    assertThatThrownBy(() -> load(DataSetIndex.FILE, json.getBytes(StandardCharsets.UTF_8)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(DataSetIndex.FILE);
  }

  private static void load(String replaced, byte[] content) throws IOException {
    EmojiDataSet.load(name ->
        name.equals(replaced) ? new ByteArrayInputStream(content) : DataSetIndex.resource(name));
  }

  private List<EmojiImage> ofStyle(String style) {
    return dataSet.images().stream().filter(p -> p.style().equals(style)).toList();
  }

  static List<String> files() {
    try {
      List<String> styles = EmojiDataSet.load().styles();
      return Stream.concat(
              Stream.of(DataSetIndex.FILE, DataSetIndex.PLANTED),
              styles.stream().map(style -> style + ".png"))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
