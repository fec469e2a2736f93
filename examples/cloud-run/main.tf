# The pull proxy on Cloud Run, for everybody or for those who may invoke it: records in Cloud SQL, evidence in the public
# Rekor, signed by the identity of the service itself (keyless). No key is kept but the blinding key.
terraform {
  required_version = ">= 1.9"
  required_providers {
    google = { source = "hashicorp/google", version = "~> 7.0" }
    random = { source = "hashicorp/random", version = "~> 3.7" }
  }
}

variable "project" {
  type        = string
  description = "Project that pays for it."
}

variable "region" {
  type    = string
  default = "europe-west3"
}

variable "image" {
  type        = string
  description = "Tagseal's image by digest: ghcr.io/tagseal/tagseal:0.1.0@sha256:..."

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the image by its digest."
  }
}

variable "registries" {
  type        = list(string)
  description = "Registries that are served."
  default     = ["docker.io", "ghcr.io", "quay.io", "registry.k8s.io"]
}

variable "invoker" {
  type        = string
  description = "Who may pull: allUsers, or a group. Clients other than docker and containerd cannot log in with Google's tokens."
  default     = "allUsers"
}

provider "google" {
  project = var.project
  region  = var.region
}

resource "google_service_account" "tagseal" {
  account_id   = "tagseal"
  display_name = "Tagseal: signs what image tags mean"
}

resource "google_sql_database_instance" "records" {
  name             = "tagseal"
  database_version = "POSTGRES_17"

  settings {
    tier              = "db-custom-1-3840"
    edition           = "ENTERPRISE"
    availability_type = "REGIONAL"

    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
    }
    ip_configuration {
      ssl_mode = "ENCRYPTED_ONLY"
    }
  }
}

resource "google_sql_database" "tagseal" {
  name     = "tagseal"
  instance = google_sql_database_instance.records.name
}

resource "random_password" "database" {
  length  = 32
  special = false
}

resource "google_sql_user" "tagseal" {
  name     = "tagseal"
  instance = google_sql_database_instance.records.name
  password = random_password.database.result
}

# 32 bytes in hex. Lost, every private tag looks new: it is in the state of terraform and in Secret Manager, nowhere else.
resource "random_id" "blinding" {
  byte_length = 32
}

locals {
  secrets = {
    blinding-key = random_id.blinding.hex
    # by the socket that Cloud Run mounts
    store-url = "postgres://tagseal:${random_password.database.result}@${urlencode("/cloudsql/${google_sql_database_instance.records.connection_name}")}/tagseal"
  }
}

resource "google_secret_manager_secret" "tagseal" {
  for_each  = toset(["blinding-key", "store-url"])
  secret_id = "tagseal-${each.key}"
  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_version" "tagseal" {
  for_each    = google_secret_manager_secret.tagseal
  secret      = each.value.id
  secret_data = local.secrets[each.key]
}

resource "google_secret_manager_secret_iam_member" "tagseal" {
  for_each  = google_secret_manager_secret.tagseal
  secret_id = each.value.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.tagseal.member
}

resource "google_project_iam_member" "database" {
  project = var.project
  role    = "roles/cloudsql.client"
  member  = google_service_account.tagseal.member
}

resource "google_cloud_run_v2_service" "tagseal" {
  name                = "tagseal"
  location            = var.region
  ingress             = "INGRESS_TRAFFIC_ALL"
  deletion_protection = false

  template {
    service_account                  = google_service_account.tagseal.email
    timeout                          = "3600s"
    max_instance_request_concurrency = 64

    scaling {
      # one reads the log and brings what was left behind into it
      min_instance_count = 1
      max_instance_count = 10
    }

    containers {
      image = var.image
      args  = ["serve"]

      ports {
        container_port = 5050
      }
      resources {
        # the log is followed between requests, too
        cpu_idle = false
        limits   = { cpu = "1", memory = "1Gi" }
      }

      dynamic "env" {
        for_each = {
          TAGSEAL_SCOPE               = "cloud-run"
          TAGSEAL_DATA_DIR            = "/tmp/tagseal"
          TAGSEAL_BLINDING_KEY_FILE   = "/run/tagseal/blinding.key"
          TAGSEAL_LOG_KIND            = "rekor-v2"
          TAGSEAL_SIGNER_KIND         = "keyless"
          TAGSEAL_SIGNER_TOKEN_SOURCE = "gcp"
          TAGSEAL_SIGNER_IDENTITY     = google_service_account.tagseal.email
          TAGSEAL_SIGNER_ISSUER       = "https://accounts.google.com"
          TAGSEAL_STORE_KIND          = "postgres"
          TAGSEAL_REGISTRIES_ALLOW    = join(",", var.registries)
          TAGSEAL_ADMISSION_ENABLED   = "false"
          TAGSEAL_PROXY_LISTEN        = "0.0.0.0:5050"
          # Google's front end writes X-Forwarded-For
          TAGSEAL_PROXY_TRUSTED_HOPS = "1"
        }
        content {
          name  = env.key
          value = env.value
        }
      }
      env {
        name = "TAGSEAL_STORE_URL"
        value_source {
          secret_key_ref {
            secret  = google_secret_manager_secret.tagseal["store-url"].secret_id
            version = google_secret_manager_secret_version.tagseal["store-url"].version
          }
        }
      }

      volume_mounts {
        name       = "keys"
        mount_path = "/run/tagseal"
      }
      volume_mounts {
        name       = "cloudsql"
        mount_path = "/cloudsql"
      }
      startup_probe {
        http_get {
          path = "/v2/"
          port = 5050
        }
        period_seconds    = 2
        failure_threshold = 30
      }
    }

    volumes {
      name = "keys"
      secret {
        secret = google_secret_manager_secret.tagseal["blinding-key"].secret_id
        items {
          path    = "blinding.key"
          version = google_secret_manager_secret_version.tagseal["blinding-key"].version
        }
      }
    }
    volumes {
      name = "cloudsql"
      cloud_sql_instance {
        instances = [google_sql_database_instance.records.connection_name]
      }
    }
  }

  depends_on = [google_secret_manager_secret_iam_member.tagseal, google_project_iam_member.database]
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  name     = google_cloud_run_v2_service.tagseal.name
  location = var.region
  role     = "roles/run.invoker"
  member   = var.invoker
}

output "pull" {
  description = "docker pull HOST/library/alpine:3.22"
  value       = replace(google_cloud_run_v2_service.tagseal.uri, "https://", "")
}

output "identity" {
  description = "Whose signatures its records carry: pin it where you verify them."
  value       = { identity = google_service_account.tagseal.email, issuer = "https://accounts.google.com" }
}
