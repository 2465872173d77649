package io.exeat.identity.development;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.exeat.base.Subscription;
import io.exeat.base.Time;
import io.exeat.identity.Svid;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/** The entries and the SVIDs that stand under them; streams are told of each change. */
final class Registry {
  private final CertificateAuthority authority;
  private final Time time;
  private final List<Runnable> streams = new CopyOnWriteArrayList<>();

  @GuardedBy("this")
  private final List<Entry> entries = new ArrayList<>();

  @GuardedBy("this")
  private final Map<Entry, Svid> issued = new HashMap<>();

  Registry(CertificateAuthority authority, Time time) {
    this.authority = authority;
    this.time = time;
  }

  void add(Entry entry) {
    synchronized (this) {
      entries.add(entry);
    }
    tell();
  }

  void remove(Entry entry) {
    synchronized (this) {
      entries.remove(entry);
      issued.remove(entry);
    }
    tell();
  }

  /** New SVIDs for all, now. */
  void rotate() {
    synchronized (this) {
      issued.clear();
    }
    tell();
  }

  /** New SVIDs for those past half of their life. */
  void rotateOld() {
    boolean rotated;
    synchronized (this) {
      rotated = issued.entrySet().removeIf(held -> isOld(held.getKey(), held.getValue()));
    }
    if (rotated) {
      tell();
    }
  }

  private boolean isOld(Entry entry, Svid svid) {
    Duration left = Duration.between(time.now(), svid.notAfter());
    return left.compareTo(entry.x509Life().dividedBy(2)) < 0;
  }

  synchronized List<Entry> entriesOf(Caller caller) {
    return entries.stream().filter(entry -> entry.matches(caller)).toList();
  }

  /** In the order of the entries. */
  synchronized List<Svid> svidsOf(Caller caller) {
    List<Svid> svids = new ArrayList<>();
    for (Entry entry : entriesOf(caller)) {
      svids.add(
          issued.computeIfAbsent(entry, it -> authority.issue(it.id(), it.hint(), it.x509Life())));
    }
    return svids;
  }

  Subscription onChange(Runnable stream) {
    streams.add(stream);
    return () -> streams.remove(stream);
  }

  private void tell() {
    streams.forEach(Runnable::run);
  }
}
