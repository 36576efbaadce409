# Declares nodes in the site file of a slipway server through its API, shows what a reload changes, and reloads.
# Needs the command slipway on this machine, and a token with the scope admin.
#
#   terraform init
#   terraform apply                     # writes the entries, and prints the plan of slipway
#   terraform apply -var reload=true    # reloads; slipway rolls back unless the last step confirms
#
# To remove a node, run slipway node remove: Terraform must not remove a machine from a cluster.

terraform {
  required_version = ">= 1.4"
}

variable "url" {
  description = "URL of the API: https://slipway.example.net:8443"
  type        = string
}

variable "token_file" {
  type = string
}

variable "ca_file" {
  description = "Certificate of the server: api.crt of its state directory"
  type        = string
}

variable "slipway" {
  description = "The command slipway"
  type        = string
  default     = "slipway"
}

variable "nodes" {
  description = "Nodes by name"
  type = map(object({
    cluster = string
    role    = string
    mac     = string
    address = string
  }))
}

variable "reload" {
  description = "Whether to serve the site file after the plan was reviewed"
  type        = bool
  default     = false
}

locals {
  environment = {
    SLIPWAY_SERVER     = var.url
    SLIPWAY_TOKEN_FILE = abspath(var.token_file)
    SLIPWAY_CA_FILE    = abspath(var.ca_file)
  }
}

# A node that the site file already has in this form is not changed; a different one is an error.
resource "terraform_data" "node" {
  for_each         = var.nodes
  triggers_replace = each.value

  provisioner "local-exec" {
    environment = local.environment
    command     = <<-EOT
      ${var.slipway} node adopt --name ${each.key} --cluster ${each.value.cluster} --role ${each.value.role} \
        --address ${each.value.address} ${each.value.mac}
    EOT
  }
}

resource "terraform_data" "plan" {
  triggers_replace = [for node in terraform_data.node : node.id]

  provisioner "local-exec" {
    environment = local.environment
    # 2: there are changes.
    command = "${var.slipway} plan || [ $? -eq 2 ]"
  }
}

resource "terraform_data" "reload" {
  count            = var.reload ? 1 : 0
  triggers_replace = terraform_data.plan.id

  provisioner "local-exec" {
    environment = local.environment
    command     = "${var.slipway} reload --confirm 5m && ${var.slipway} confirm"
  }
}
