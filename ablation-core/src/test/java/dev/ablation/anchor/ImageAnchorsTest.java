package dev.ablation.anchor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import ai.djl.ndarray.NDManager;
import dev.ablation.augment.Augmentation;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import dev.ablation.random.RandomStreams;
import dev.ablation.testing.TinyDiffusion;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

class ImageAnchorsTest {
  private static final Concept TARGET = Concept.instance("grumpy cat");

  @TempDir Path root;

  private Path folder() throws IOException {
    Path folder = root.resolve("samples_cat");
    Files.createDirectories(folder.resolve("samples"));
    image(folder.resolve("samples/1.png"), 0x102030);
    image(folder.resolve("samples/2.png"), 0xffffff);
    return folder;
  }

  private static void image(Path file, int rgb) throws IOException {
    BufferedImage image = new BufferedImage(12, 8, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < 96; i++) {
      image.setRGB(i % 12, i / 12, rgb);
    }
    ImageIO.write(image, "png", file.toFile());
  }

  private static void write(Path folder, String name, String... lines) throws IOException {
    Files.writeString(folder.resolve(name), String.join("\n", lines));
  }

  private static void assertReadsBoth(Path folder) throws IOException {
    ImageAnchors anchors = AnchorStrategy.images("cat", folder);
    assertThat(anchors.captioned())
        .containsExactly(
            new CaptionedImage(folder.resolve("samples/1.png"), "a cat, asleep"),
            new CaptionedImage(folder.resolve("samples/2.png"), "the \"other\" cat"));
    assertThat(anchors.prompts(TARGET)).containsExactly("a cat, asleep", "the \"other\" cat");
    assertThat(anchors.images()).isEqualTo(2);
  }

  @Test
  void readsTheTwoTextFilesOfTheReference() throws IOException {
    Path folder = folder();
    write(folder, "images.txt", "samples/1.png", "samples/2.png", "");
    write(folder, "caption.txt", "a cat, asleep", "the \"other\" cat", "");
    assertReadsBoth(folder);
  }

  @Test
  void findsImagesWhosePathsBeginWhereThePublishedCodeWasStarted() throws IOException {
    Path folder = folder();
    write(
        folder,
        "images.txt",
        "data/samples_cat/samples/1.png",
        folder.resolve("samples/2.png").toAbsolutePath().toString());
    write(folder, "caption.txt", "a cat, asleep", "the \"other\" cat");
    assertReadsBoth(folder);
  }

  @Test
  void readsAbsoluteNamesHoweverTheFolderIsGivenAndAfterAMove() throws IOException {
    Path folder = folder();
    write(
        folder,
        "metadata.jsonl",
        "{\"file_name\": \"%s\", \"text\": \"a cat, asleep\"}"
            .formatted(folder.resolve("samples/1.png").toAbsolutePath()),
        "{\"file_name\": \"/elsewhere/%s/samples/2.png\", \"text\": \"the \\\"other\\\" cat\"}"
            .formatted(folder.toAbsolutePath().getFileName()));
    assertReadsBoth(folder);
    Path relative = Path.of("").toAbsolutePath().relativize(folder.toAbsolutePath());
    assertReadsBoth(relative);
  }

  @Test
  void readsJsonLines() throws IOException {
    Path folder = folder();
    write(
        folder,
        "metadata.jsonl",
        "{\"file_name\": \"samples/1.png\", \"text\": \"a cat, asleep\", \"more\": [1]}",
        "",
        "{\"text\": \"the \\\"other\\\" cat\", \"file_name\": \"samples/2.png\"}");
    assertReadsBoth(folder);
  }

  @Test
  void readsCommaSeparatedValues() throws IOException {
    Path folder = folder();
    write(
        folder,
        "metadata.csv",
        "\ufeffid,file_name,text\r",
        "7,samples/1.png,\"a cat, asleep\"\r",
        "8,samples/2.png,\"the \"\"other\"\" cat\"\r",
        "\r",
        "");
    assertReadsBoth(folder);
  }

  @Test
  void aQuotedFieldMaySpanLines() throws IOException {
    assertThat(CsvRecords.parse("a,\"b\nc\"\n\nd,\"\"\n", Path.of("x")))
        .containsExactly(
            new CsvRecords.Row(1, List.of("a", "b\nc")), new CsvRecords.Row(4, List.of("d", "")));
  }

  private interface Making {
    void in(Path folder) throws IOException;
  }

  private DynamicTest refused(String what, Making making, String... messages) {
    return DynamicTest.dynamicTest(
        what,
        () -> {
          Path folder = folder();
          try (Stream<Path> old = Files.list(folder)) {
            for (Path file : old.filter(Files::isRegularFile).toList()) {
              Files.delete(file);
            }
          }
          making.in(folder);
          assertThatIOException()
              .isThrownBy(() -> AnchorStrategy.images("cat", folder))
              .satisfies(e -> {
                for (String message : messages) {
                  assertThat(e).hasMessageContaining(message.replace("FOLDER", folder.toString()));
                }
              });
        });
  }

  @TestFactory
  Stream<DynamicTest> refusesNamingFileLineAndRule() {
    return Stream.of(
        refused("no folder", folder -> delete(folder), "FOLDER: must be a folder"),
        refused(
            "nothing to read",
            folder -> {},
            "FOLDER: must have one of images.txt with caption.txt, metadata.jsonl or metadata.csv, but has none"),
        refused(
            "two ways at once",
            folder -> {
              write(folder, "images.txt", "samples/1.png");
              write(folder, "metadata.csv", "file_name,text");
            },
            "but has images.txt and metadata.csv"),
        refused(
            "no captions",
            folder -> write(folder, "images.txt", "samples/1.png"),
            "FOLDER/caption.txt: is missing, but images.txt is there"),
        refused(
            "empty",
            folder -> write(folder, "metadata.csv", "file_name,text"),
            "FOLDER/metadata.csv: must list at least one image"),
        refused(
            "everything at once",
            folder -> {
              write(
                  folder,
                  "images.txt",
                  "samples/1.png",
                  "samples/3.png",
                  "../secret.png",
                  "",
                  "samples",
                  "/etc/passwd");
              write(folder, "caption.txt", "a cat", "a cat", "a cat", " ", "a cat");
            },
            "7 problems with the images",
            "FOLDER/caption.txt: must have a line for each of the 6 images in images.txt, but has 5",
            "FOLDER/images.txt: line 2: image 'samples/3.png' does not exist",
            "FOLDER/images.txt: line 3: '../secret.png' must be in the folder",
            "FOLDER/images.txt: line 4: name of an image must not be blank",
            "FOLDER/caption.txt: line 4: caption must not be blank",
            "FOLDER/images.txt: line 5: 'samples' must be a file",
            "FOLDER/images.txt: line 6: '/etc/passwd' must be in the folder"),
        refused(
            "other JSON",
            folder ->
                write(
                    folder,
                    "metadata.jsonl",
                    "{\"file_name\": \"samples/1.png\"}",
                    "[]",
                    "{\"file_name\":",
                    "{\"file_name\": \"samples/1.png\", \"text\": 5}"),
            "4 problems with the images",
            "FOLDER/metadata.jsonl: line 1: must have the strings 'file_name' and 'text'",
            "FOLDER/metadata.jsonl: line 2: must be a JSON object",
            "FOLDER/metadata.jsonl: line 3: ",
            "FOLDER/metadata.jsonl: line 4: must have the strings"),
        refused(
            "other columns",
            folder -> write(folder, "metadata.csv", "name,text", "a,b"),
            "FOLDER/metadata.csv: line 1: must name the columns 'file_name' and 'text', but names [name, text]"),
        refused(
            "other number of fields",
            folder ->
                write(folder, "metadata.csv", "file_name,text", "samples/1.png,a cat, asleep"),
            "FOLDER/metadata.csv: line 2: must have 2 fields like the header, but has 3"),
        refused(
            "a quote that does not end",
            folder -> write(folder, "metadata.csv", "file_name,text", "samples/1.png,\"a cat"),
            "FOLDER/metadata.csv: line 2: a quoted field must have a closing quote"),
        refused(
            "a quote in the middle",
            folder -> write(folder, "metadata.csv", "file_name,text", "samples/1.png,a \"cat\""),
            "FOLDER/metadata.csv: line 2: a field that contains a quote must be quoted"),
        refused(
            "no UTF-8",
            folder ->
                Files.write(
                    folder.resolve("metadata.csv"),
                    "file_name,text\nsamples/1.png,ä".getBytes(StandardCharsets.ISO_8859_1)),
            "FOLDER/metadata.csv: line 2: must be UTF-8 text, but byte 29 (0xe4) is not"),
        refused(
            "images that are none",
            folder -> {
              Files.writeString(folder.resolve("samples/1.png"), "text");
              byte[] png = Files.readAllBytes(folder.resolve("samples/2.png"));
              Files.write(
                  folder.resolve("samples/2.png"), java.util.Arrays.copyOf(png, png.length / 2));
              write(folder, "metadata.csv", "file_name,text", "samples/1.png,a", "samples/2.png,b");
            },
            "2 problems with the images",
            "FOLDER/samples/1.png: must be a PNG, JPEG or WebP image",
            "FOLDER/samples/2.png: the PNG image is truncated"),
        refused(
            "more than anyone reads",
            folder ->
                write(
                    folder, "metadata.csv", "file_name,text\n" + "missing.png,a cat\n".repeat(100)),
            "100 problems with the images",
            "line 21: ",
            "and 80 more"));
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  @Test
  void encodesWhatIsInTheFiles() throws IOException {
    Path folder = folder();
    write(folder, "metadata.csv", "file_name,text", "samples/1.png,a cat", "samples/2.png,my cat");
    ImageAnchors anchors = AnchorStrategy.images("cat", folder);
    RecordingContext context = new RecordingContext();
    try (DiffusionModel model = TinyDiffusion.open(1);
        AnchorSet set = anchors.prepare(model, TARGET, context)) {
      assertThat(set.keepsLatents()).isTrue();
      assertThat(context.done).containsExactly(1L, 2L);
      float[] latents = set.latents().toFloatArray();
      // The toy codec's latents are twice the image, and its posterior has a deviation of 0.1.
      double sum = 0;
      for (int i = latents.length / 2; i < latents.length; i++) {
        sum += latents[i];
      }
      assertThat(sum / (latents.length / 2)).isBetween(1.9, 2.1);
      assertThat(latents[latents.length - 1]).isNotEqualTo(2);
      assertThat(latents[0]).isBetween(2 * (16 / 127.5f - 1) - 0.5f, 2 * (16 / 127.5f - 1) + 0.5f);
    }
  }

  @Test
  void readsAFileAgainEachTimeWhereItIsChangedEachTime() throws IOException {
    Path folder = folder();
    write(folder, "metadata.csv", "file_name,text", "samples/1.png,a cat");
    AnchorStrategy anchors =
        AnchorStrategy.images("cat", folder).augmented(Augmentation.diffusers());
    try (DiffusionModel model = TinyDiffusion.open(1);
        AnchorSet set = anchors.prepare(model, TARGET, new RecordingContext());
        NDManager step = model.manager().newSubManager()) {
      assertThat(set.keepsLatents()).isFalse();
      long prefixed = 0;
      for (int seed = 0; seed < 50; seed++) {
        AnchorBatch rows = set.draw(new int[] {0}, RandomStreams.stream(seed, "rows", 0), step);
        prefixed += rows.prefixes().get(0).isEmpty() ? 0 : 1;
      }
      assertThat(prefixed).isBetween(5L, 49L);
    }
  }

  @Test
  void damageAmongThePixelsIsFoundBeforeTraining() throws IOException {
    Path folder = folder();
    write(folder, "metadata.csv", "file_name,text", "samples/1.png,a cat", "samples/2.png,my cat");
    ImageAnchors anchors = AnchorStrategy.images("cat", folder);
    for (String name : List.of("samples/1.png", "samples/2.png")) {
      Files.delete(folder.resolve(name));
    }
    try (DiffusionModel model = TinyDiffusion.open(1)) {
      for (Augmentation augmentation : List.of(Augmentation.none(), Augmentation.paper())) {
        assertThatIOException()
            .isThrownBy(() ->
                anchors.augmented(augmentation).prepare(model, TARGET, new RecordingContext()))
            .withMessageContaining("1.png: does not exist")
            .withMessageContaining("2.png: does not exist");
      }
    }
  }

  @Test
  void itsSettingsTellContentsAndCaptionsApart() throws IOException {
    Path folder = folder();
    write(folder, "metadata.csv", "file_name,text", "samples/1.png,a cat");
    String first = AnchorStrategy.images("cat", folder).sha256();
    write(folder, "metadata.csv", "file_name,text", "samples/1.png,my cat");
    String second = AnchorStrategy.images("cat", folder).sha256();
    image(folder.resolve("samples/1.png"), 0x102031);
    String third = AnchorStrategy.images("cat", folder).sha256();
    assertThat(List.of(first, second, third)).doesNotHaveDuplicates();
    assertThat(AnchorStrategy.images("cat", folder).settings(TARGET))
        .containsEntry("anchor.pictures.sha256", third)
        .allSatisfy((name, value) -> assertThat(value).doesNotContain(root.toString()));
  }
}
