import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.util.List;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.h2.mvstore.MVStore;

/**
 * A MongoDB server over the wire: {@code java -cp ... Main.java <directory> <port>}, on 127.0.0.1 alone.
 *
 * <p>Says "ready" once it listens. A line on standard input announces its death: it begins no further command, writes all
 * that it has done to its file, says "settled", and waits for the end. The end of standard input ends it and removes the
 * directory: its parent is gone, and nobody else would.
 */
class Main {
    private static final int COMMIT_MILLISECONDS = 10;
    private static final int CACHE_MEGABYTES = 256;

    /** A version that current drivers still speak to: the server's own enumeration says an older wire version. */
    private static final MongoVersion VERSION = new MongoVersion() {
        @Override
        public List<Integer> getVersionArray() {
            return List.of(5, 0, 0);
        }

        @Override
        public int getWireVersion() {
            return 13;
        }
    };

    /** The store writes behind what it acknowledges; closing the gate first makes a kill lose nothing acknowledged. */
    private static class Gated extends H2Backend {
        private final ReadWriteLock gate = new ReentrantReadWriteLock();

        Gated(MVStore store) {
            super(store);
        }

        @Override
        public Document handleMessage(MongoMessage message) {
            gate.readLock().lock();
            try {
                return super.handleMessage(message);
            } finally {
                gate.readLock().unlock();
            }
        }

        void settle() {
            gate.writeLock().lock();
            getMvStore().commit();
            getMvStore().sync();
        }
    }

    public static void main(String[] arguments) throws Exception {
        File directory = new File(arguments[0]);
        File file = new File(directory, "store.mv");
        MVStore store = new MVStore.Builder().fileName(file.getPath()).cacheSize(CACHE_MEGABYTES).open();
        store.setAutoCommitDelay(COMMIT_MILLISECONDS);
        Gated backend = new Gated(store);
        new MongoServer(backend.version(VERSION)).bind("127.0.0.1", Integer.parseInt(arguments[1]));
        System.out.println("ready");
        BufferedReader orders = new BufferedReader(new InputStreamReader(System.in));
        while (orders.readLine() != null) {
            backend.settle();
            System.out.println("settled");
        }
        for (File left : directory.listFiles()) {
            left.delete();
        }
        directory.delete();
        Runtime.getRuntime().halt(0);
    }
}
