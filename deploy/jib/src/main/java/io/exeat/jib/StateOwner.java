package io.exeat.jib;

import com.google.cloud.tools.jib.api.buildplan.ContainerBuildPlan;
import com.google.cloud.tools.jib.api.buildplan.FileEntriesLayer;
import com.google.cloud.tools.jib.api.buildplan.FileEntry;
import com.google.cloud.tools.jib.api.buildplan.LayerObject;
import com.google.cloud.tools.jib.maven.extension.JibMavenPluginExtension;
import com.google.cloud.tools.jib.maven.extension.MavenData;
import com.google.cloud.tools.jib.plugins.extension.ExtensionLogger;
import com.google.cloud.tools.jib.plugins.extension.JibPluginExtensionException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.NullMarked;

/** Gives the folder of the journal and the audit chain to the image's user. */
@NullMarked
public final class StateOwner implements JibMavenPluginExtension<Void> {
  private static final String STATE = "/var/lib/exeat";

  @Override
  public Optional<Class<Void>> getExtraConfigType() {
    return Optional.empty();
  }

  @Override
  public ContainerBuildPlan extendContainerBuildPlan(
      ContainerBuildPlan plan,
      Map<String, String> properties,
      Optional<Void> config,
      MavenData maven,
      ExtensionLogger logger)
      throws JibPluginExtensionException {
    String owner = plan.getUser();
    if (owner == null) {
      throw new JibPluginExtensionException(getClass(), "The image has no user: " + STATE);
    }
    boolean found = false;
    List<LayerObject> layers = new ArrayList<>();
    for (LayerObject layer : plan.getLayers()) {
      if (!(layer instanceof FileEntriesLayer files)) {
        layers.add(layer);
        continue;
      }
      List<FileEntry> entries = new ArrayList<>();
      for (FileEntry entry : files.getEntries()) {
        boolean is = entry.getExtractionPath().toString().equals(STATE);
        found |= is;
        entries.add(is ? owned(entry, owner) : entry);
      }
      layers.add(files.toBuilder().setEntries(entries).build());
    }
    if (!found) {
      throw new JibPluginExtensionException(getClass(), "There is no " + STATE + " in the image");
    }
    return plan.toBuilder().setLayers(layers).build();
  }

  private static FileEntry owned(FileEntry entry, String owner) {
    return new FileEntry(
        entry.getSourceFile(),
        entry.getExtractionPath(),
        entry.getPermissions(),
        entry.getModificationTime(),
        owner);
  }
}
