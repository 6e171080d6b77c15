package dev.ablation.cli;

import java.util.Arrays;
import java.util.stream.Collectors;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads a method as the command line has it, such as {@code closed-form}. */
final class MethodConverter implements ITypeConverter<AblationMethod> {
  @Override
  public AblationMethod convert(String value) {
    return Arrays.stream(AblationMethod.values())
        .filter(method -> method.optionName().equalsIgnoreCase(value.strip()))
        .findFirst()
        .orElseThrow(() ->
            new TypeConversionException(
                "must be one of %s, was '%s'"
                    .formatted(
                        Arrays.stream(AblationMethod.values())
                            .map(AblationMethod::optionName)
                            .collect(Collectors.joining(", ")),
                        value)));
  }
}
