package io.exeat.credential.vault;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.base.FaultException;
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
  private static final String PATH = "identity/entity-alias";

  /**
   * Gives the entity {@code name}, in place of a former one. One that is a disabled entity's stays
   * there, so that its agent stays out; it is told as {@link Change.Kind#LEFT}.
   *
   * @param write false to tell what differs, and write nothing
   * @throws FaultException Unavailable VAULT, also for an entity that has several names there
   */
  Change settle(String name, boolean write) throws NoAnswer {
    String what = PATH + " " + name + " at " + mount + "/";
    String accessor =
        VaultSetup.must("sys/auth", client.get("sys/auth", operator))
            .data()
            .path(mount + "/")
            .path("accessor")
            .asText();
    Optional<JsonNode> former = former(accessor);
    Optional<JsonNode> owner = owner(name, accessor);
    boolean anothers = owner.filter(it -> !id(it).equals(id(entity))).isPresent();
    if (anothers && owner.get().path("disabled").asBoolean()) {
      String why = "is of entity " + owner.get().path("name").asText() + ", which is disabled";
      return new Change(what, Change.Kind.LEFT, List.of(why));
    }
    if (!anothers && former.filter(it -> it.path("name").asText().equals(name)).isPresent()) {
      return new Change(what, Change.Kind.SAME, List.of());
    }
    if (write) {
      write(what, name, accessor, former.map(Alias::id), anothers);
    }
    if (anothers) {
      return new Change(what, Change.Kind.UPDATE, List.of("canonical_id"));
    }
    return former.isPresent()
        ? new Change(what, Change.Kind.UPDATE, List.of("name"))
        : new Change(what, Change.Kind.CREATE, List.of());
  }

  private Optional<JsonNode> former(String accessor) {
    List<JsonNode> here =
        StreamSupport.stream(entity.path("aliases").spliterator(), false)
            .filter(it -> it.path("mount_accessor").asText().equals(accessor))
            .toList();
    if (here.size() > 1) {
      throw new FaultException(
          Refusals.vault(
              "entity %s has %d aliases at %s/, as one has that was merged with another: do away with it (bao delete identity/entity/name/%1$s), come back, and disable the new one where it was disabled"
                  .formatted(entity.path("name").asText(), here.size(), mount)));
    }
    return here.stream().findFirst();
  }

  /** The entity that Vault knows by the name. */
  private Optional<JsonNode> owner(String name, String accessor) throws NoAnswer {
    if (accessor.isEmpty()) {
      return Optional.empty(); // the mount is yet to be made
    }
    Map<String, String> asked = Map.of("alias_name", name, "alias_mount_accessor", accessor);
    Answer found = client.post("identity/lookup/entity", operator, asked);
    return Optional.of(VaultSetup.must("identity/lookup/entity", found).data())
        .filter(it -> !id(it).isEmpty());
  }

  private void write(
      String what, String name, String accessor, Optional<String> former, boolean anothers)
      throws NoAnswer {
    String path = PATH;
    if (former.isPresent() && anothers) {
      // The other's alias comes to this entity with its name, and finds the place free.
      String gone = PATH + "/id/" + former.get();
      var _ = VaultSetup.must(gone, client.delete(gone, operator));
    } else if (former.isPresent()) {
      path = PATH + "/id/" + former.get();
    }
    Map<String, String> body =
        Map.of("name", name, "canonical_id", id(entity), "mount_accessor", accessor);
    var _ = VaultSetup.must(what, client.post(path, operator, body));
  }

  private static String id(JsonNode of) {
    return of.path("id").asText();
  }
}
