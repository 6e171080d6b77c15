package dev.ablation.anchor;

import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import dev.ablation.fuzz.Text;
import dev.ablation.internal.PromptFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Captions in the three forms of a folder, and prompts. */
class CaptionsFuzzTest extends ReaderFuzz {
  @Override
  protected Mutator mutator() {
    return new Text();
  }

  private static List<byte[]> text(String... contents) {
    return List.of(contents).stream().map(each -> each.getBytes(StandardCharsets.UTF_8)).toList();
  }

  @Override
  protected Map<String, List<byte[]>> seeds() {
    return Map.of(
        "text/images.txt",
        text("a.png\ndata/text/b.png\n"),
        "text/caption.txt",
        text("a cat\nanother cat\n", "a cat\r\n\ufeffanother\n"),
        "lines/metadata.jsonl",
        text(
            "{\"file_name\":\"a.png\",\"text\":\"a cat\"}\n"
                + "{\"file_name\":\"/x/lines/b.png\",\"text\":\"b\",\"size\":1e2}\n"),
        "table/metadata.csv",
        text("file_name,text\na.png,a cat\n\"b.png\",\"a \"\"cat\"\", sitting\"\n"),
        "prompts.txt",
        text("a cat\n\n two cats \n", "\ufeffeins\r\nzwei\r\n"));
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    if (damaged.equals("prompts.txt")) {
      PromptFile.read(folder.resolve(damaged));
      return;
    }
    Path images = folder.resolve(folderOf(damaged));
    for (String image : List.of("a.png", "b.png")) {
      if (!Files.exists(images.resolve(image))) {
        Files.createFile(images.resolve(image));
      }
    }
    CaptionedFolder.read(images);
  }
}
