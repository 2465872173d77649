package io.exeat.credential.vault;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.base.SecretBytes;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.StreamSupport;

/**
 * The one name by which Vault knows an entity at a mount. Vault refuses a second one there, so a
 * name that changed takes the place of the former.
 *
 * @param entity as Vault gives it back; missing where it is yet to be made
 */
record Alias(VaultClient client, SecretBytes operator, JsonNode entity, String mount) {

  Change settle(String name, boolean write) throws NoAnswer {
    String what = "identity/entity-alias " + name + " at " + mount + "/";
    String accessor =
        VaultSetup.must("sys/auth", client.get("sys/auth", operator))
            .data()
            .path(mount + "/")
            .path("accessor")
            .asText();
    Optional<JsonNode> former =
        StreamSupport.stream(entity.path("aliases").spliterator(), false)
            .filter(it -> it.path("mount_accessor").asText().equals(accessor))
            .findFirst();
    if (former.filter(it -> it.path("name").asText().equals(name)).isPresent()) {
      return new Change(what, Change.Kind.SAME, List.of());
    }
    boolean anothers = anothers(name, accessor);
    if (write) {
      write(what, name, accessor, former.map(it -> it.path("id").asText()), anothers);
    }
    return former.isEmpty() && !anothers
        ? new Change(what, Change.Kind.CREATE, List.of())
        : new Change(what, Change.Kind.UPDATE, List.of(anothers ? "canonical_id" : "name"));
  }

  private boolean anothers(String name, String accessor) throws NoAnswer {
    if (accessor.isEmpty()) {
      return false;
    }
    Map<String, String> asked = Map.of("alias_name", name, "alias_mount_accessor", accessor);
    Answer owner = client.post("identity/lookup/entity", operator, asked);
    return owner.ok() && !owner.data().path("id").asText().isEmpty();
  }

  private void write(
      String what, String name, String accessor, Optional<String> former, boolean anothers)
      throws NoAnswer {
    String path = "identity/entity-alias";
    if (former.isPresent() && anothers) {
      // The other's alias comes to this entity with its name, and finds the place free.
      String gone = path + "/id/" + former.get();
      var _ = VaultSetup.must(gone, client.delete(gone, operator));
    } else if (former.isPresent()) {
      path = path + "/id/" + former.get();
    }
    Map<String, String> body =
        Map.of(
            "name", name,
            "canonical_id", entity.path("id").asText(),
            "mount_accessor", accessor);
    var _ = VaultSetup.must(what, client.post(path, operator, body));
  }
}
