package dev.ablation.emoji.measure;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.FileReading;
import dev.ablation.internal.TextFile;
import dev.ablation.metric.ConfidenceInterval;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What a part of the measurement found, as it is kept in a file, and the table of all parts.
 *
 * @param findings in any order
 */
record MeasuredValues(List<MeasuredValue> findings) {
  private static final Gson JSON = new GsonBuilder().setPrettyPrinting().create();

  MeasuredValues {
    findings = List.copyOf(findings);
  }

  static MeasuredValues read(Path file) throws IOException {
    return FileReading.of(
        file,
        () -> {
          MeasuredValues read = JSON.fromJson(TextFile.read(file), MeasuredValues.class);
          if (read == null) {
            throw new IOException("the file of findings is empty: " + file);
          }
          return read;
        });
  }

  void save(Path file) throws IOException {
    AtomicFiles.writeString(file, Existing.REPLACE, JSON.toJson(this) + "\n");
  }

  /** Takes parts together: one finding a quantity, in the order of the table. */
  static MeasuredValues together(List<MeasuredValues> parts) {
    Map<Quantity, MeasuredValue> byQuantity = new EnumMap<>(Quantity.class);
    for (MeasuredValues part : parts) {
      for (MeasuredValue finding : part.findings) {
        byQuantity.merge(finding.quantity(), finding, MeasuredValue::with);
      }
    }
    return new MeasuredValues(new ArrayList<>(byQuantity.values()));
  }

  String csv() {
    StringBuilder csv = new StringBuilder("quantity,value,low,high,count,note\n");
    for (MeasuredValue finding : findings) {
      ConfidenceInterval interval = finding.interval();
      csv.append(
          String.format(
              Locale.ROOT,
              "%s,%.6f,%s,%s,%d,\"%s\"%n",
              finding.quantity().name().toLowerCase(Locale.ROOT),
              finding.value(),
              interval == null ? "" : String.format(Locale.ROOT, "%.6f", interval.low()),
              interval == null ? "" : String.format(Locale.ROOT, "%.6f", interval.high()),
              finding.count(),
              finding.note()));
    }
    return csv.toString();
  }

  String markdown() {
    StringBuilder text = new StringBuilder("| | reach | measured | 95 % interval | images |\n");
    text.append("| --- | ---: | ---: | ---: | ---: |\n");
    for (MeasuredValue finding : findings) {
      Quantity quantity = finding.quantity();
      ConfidenceInterval interval = finding.interval();
      text.append(
          "| %s | %s | %s | %s | %d |%n"
              .formatted(
                  finding.note().isEmpty()
                      ? quantity.label()
                      : quantity.label() + " (" + finding.note() + ")",
                  quantity.reach(),
                  quantity.text(finding.value()),
                  interval == null
                      ? ""
                      : quantity.text(interval.low()) + " to " + quantity.text(interval.high()),
                  finding.count()));
    }
    return text.toString();
  }
}
