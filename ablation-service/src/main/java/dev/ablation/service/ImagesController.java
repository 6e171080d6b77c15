package dev.ablation.service;

import dev.ablation.sample.SamplingSettings;
import dev.ablation.serve.DrawRequest;
import dev.ablation.serve.ModelPool;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import javax.imageio.ImageIO;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.context.request.async.DeferredResult;

/** Draws. */
@RestController
final class ImagesController {
  private final ModelPool pool;
  private final ServedModel model;

  ImagesController(ModelPool pool, ServedModel model) {
    this.pool = pool;
    this.model = model;
  }

  /**
   * The images of a response.
   *
   * @param variant of the model
   * @param images in the order of their seeds
   */
  record Images(String variant, List<Image> images) {}

  /**
   * An image.
   *
   * @param seed that draws it again
   * @param png in base64
   */
  record Image(long seed, String png) {}

  @PostMapping(
      path = "/api/images",
      consumes = MediaType.APPLICATION_JSON_VALUE,
      produces = MediaType.APPLICATION_JSON_VALUE)
  DeferredResult<Images> images(@RequestBody ImageRequest request) {
    return drawn(
        request,
        images -> {
          List<Image> encoded = new ArrayList<>();
          for (BufferedImage image : images) {
            String png = Base64.getEncoder().encodeToString(png(image));
            encoded.add(new Image(request.firstSeed() + encoded.size(), png));
          }
          return new Images(request.variantName(), encoded);
        });
  }

  @PostMapping(
      path = "/api/images",
      consumes = MediaType.APPLICATION_JSON_VALUE,
      produces = MediaType.IMAGE_PNG_VALUE)
  DeferredResult<byte[]> image(@RequestBody ImageRequest request) {
    if (request.count() != null && request.count() != 1) {
      throw new IllegalArgumentException(
          "count must be 1 for image/png, was %d: accept application/json"
              .formatted(request.count()));
    }
    return drawn(request, images -> png(images.get(0)));
  }

  /** A caller that has gone does not keep a worker. */
  private <T> DeferredResult<T> drawn(
      ImageRequest request, Function<List<BufferedImage>, T> encode) {
    SamplingSettings defaults = model.sampling();
    DrawRequest draw = request.toDraw(defaults);
    if (!pool.variants().containsKey(draw.variant())) {
      throw new Problem(
          HttpStatus.NOT_FOUND,
          "there is no variant '%s'; there are %s"
              .formatted(draw.variant(), pool.variants().keySet()));
    }
    CompletableFuture<List<BufferedImage>> drawing = pool.draw(draw);
    DeferredResult<T> result = new DeferredResult<>();
    result.onError(e -> drawing.cancel(false));
    result.onTimeout(() -> drawing.cancel(false));
    CompletableFuture<Boolean> unused =
        drawing
            .thenApply(encode)
            .handle((images, failure) ->
                failure == null ? result.setResult(images) : result.setErrorResult(failure));
    return result;
  }

  private static byte[] png(BufferedImage image) {
    try {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      ImageIO.write(image, "png", bytes);
      return bytes.toByteArray();
    } catch (IOException e) {
      throw new IllegalStateException("an image cannot be written to memory", e);
    }
  }
}
